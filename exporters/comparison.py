"""How far a loaded file is from the net of its genotype in PyTorch.

PyTorch runs the unoptimized net, eager, on the CPU, with the weights as they were before any pass. The file is run as
it is; what its options do to images and logits, PyTorch is told in its own words.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from genocc import origins
from genocc.errors import TargetError
from genocc.nn.target_net import TargetNet
from genocc.provenance import Provenance
from genocc.runtimes.torch import one_thread, torch_device
from genocc.verification import Comparison, Verification

Array = NDArray[Any]
Run = Callable[[Array], tuple[Array, Array]]
"""Images (N, C, H, W) -> outputs (N, classes), and logits (N, classes) without the classifier's bias."""

BATCHES = (1, 2, 7)
TOLERANCE = 1e-4


@dataclass(frozen=True)
class Subject:
    """A loaded file.

    Attributes:
        runtime: What runs it.
        run: Runs it. (Why the bias is left out, see `genocc.verification.Comparison`.)
        batches: Numbers of images to try.
    """

    runtime: str
    run: Run
    batches: Sequence[int] = BATCHES


def compare(
    provenance: Provenance,
    weights: Mapping[str, Array],
    subjects: Sequence[Subject],
    *,
    provider: str,
    seed: int = 0,
    tolerance: float = TOLERANCE,
) -> Verification:
    """Returns the comparison of every file with PyTorch on the same random images.

    Args:
        provenance: Which net it is, and the options of the file.
        weights: Arrays of the net before any pass.
        subjects: The files.
        provider: Where they really run.
        seed: Of the images.
        tolerance: The largest relative difference to accept.

    Raises:
        TargetError: A batch size is below 1, or an output has another shape than the net's.
        WeightsError: The weights do not fit the net.
    """
    batches = list(dict.fromkeys(batch for subject in subjects for batch in subject.batches))
    if min(batches, default=0) < 1:
        raise TargetError(f"batch sizes {batches}: expected at least one, and none below 1")
    reference = _Reference(provenance, weights)
    random = np.random.default_rng(seed % 2**63)
    comparisons = []
    for batch in batches:
        images = _images(provenance, batch, random)
        outputs, response = reference.run(images)
        for subject in subjects:
            if batch in subject.batches:
                found, found_response = subject.run(images)
                max_abs, max_rel = _difference(found, outputs, subject.runtime)
                max_rel = max(max_rel, _difference(found_response, response, subject.runtime)[1])
                agreement = float((found.argmax(1) == outputs.argmax(1)).mean())
                comparisons.append(Comparison(subject.runtime, batch, max_abs, max_rel, agreement))
    return Verification(provider, provenance.weights, tolerance, tuple(comparisons))


def torch_subject(
    runtime: str, run: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]], provider: str
) -> Subject:
    """Returns a loaded file to compare.

    Args:
        runtime: What runs it, for people.
        run: Images -> outputs, and the features that the classifier reads times its weight.
        provider: Where it runs.
    """
    device = torch_device(provider)

    def run_arrays(images: Array) -> tuple[Array, Array]:
        with torch.inference_mode(), one_thread(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            outputs, response = run(torch.from_numpy(images).to(device))
        return outputs.cpu().numpy(), response.cpu().numpy()

    return Subject(runtime, run_arrays)


class _Reference:
    """The net in PyTorch."""

    def __init__(self, provenance: Provenance, weights: Mapping[str, Array]) -> None:
        config = provenance.config.model_copy(update={"auxiliary": False})  # files hold the inference net
        self.provenance = provenance
        self.net = TargetNet(provenance.genotype, config, weights=weights).eval()
        self.classifier = self.net.get_submodule(origins.LOGITS)
        self.classifier.register_forward_pre_hook(self._keep)

    def _keep(self, module: torch.nn.Module, inputs: tuple[torch.Tensor]) -> None:
        (self.features,) = inputs

    def run(self, images: Array) -> tuple[Array, Array]:
        """Returns what a subject's ``run`` should return."""
        x = torch.from_numpy(images).float()
        if self.provenance.uint8_input:
            x = x / 255
        if self.provenance.normalize:
            mean, std = (torch.tensor(values).view(-1, 1, 1) for values in self.provenance.normalize)
            x = (x - mean) / std
        with torch.inference_mode(), one_thread():
            logits = self.net(x)
            outputs = torch.softmax(logits, 1) if self.provenance.softmax else logits
            response = self.features @ self.net.state_dict()[f"{origins.LOGITS}.weight"].T
        return outputs.numpy(), response.numpy()


def _images(provenance: Provenance, batch: int, random: np.random.Generator) -> Array:
    """Noise of the kind that the file takes."""
    shape = (batch, provenance.config.input_channels, *provenance.config.input_size)
    if provenance.uint8_input:
        return random.integers(0, 256, shape, dtype=np.uint8)
    return random.random(shape, np.float32) if provenance.normalize else random.standard_normal(shape, np.float32)


def _difference(found: Array, expected: Array, runtime: str) -> tuple[float, float]:
    """The largest difference, absolute and relative to the largest value; infinite where one is no number."""
    if found.shape != expected.shape:
        raise TargetError(f"{runtime}: the output has shape {found.shape}; the genotype's net gives {expected.shape}")
    max_abs = float(np.abs(found.astype(np.float64) - expected).max())
    if math.isnan(max_abs):
        max_abs = math.inf
    scale = float(np.abs(expected).max())
    return max_abs, max_abs / scale if scale else (math.inf if max_abs else 0.0)
