"""How far a loaded file is from the net of its genotype in PyTorch.

PyTorch runs the unoptimized net, eager, on the CPU, with the weights as they were before any pass. The file is run as
it is; what its options do to images and logits is written here a second time, in PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from genocc import origins
from genocc.counting import check_activations
from genocc.errors import TargetError
from genocc.graph import Graph
from genocc.nn.graph_module import graph_module
from genocc.primitives import Shape
from genocc.provenance import Provenance
from genocc.runtimes.torch import full_precision, one_thread, torch_device
from genocc.verification import Comparison, Verification

Array = NDArray[Any]
Infer = Callable[[Array], tuple[Array, Array]]
"""Images (N, C, H, W) -> outputs (N, classes), and logits (N, classes) without the classifier's bias."""

BATCHES = (1, 2, 7)
TOLERANCE = 1e-4


@dataclass(frozen=True)
class LoadedFile:
    """A file as a runtime has loaded it.

    Attributes:
        runtime: What runs it, for people.
        infer: Runs it. (Why the bias is left out, see `genocc.verification.Comparison`.)
        batches: Numbers of images to try.
    """

    runtime: str
    infer: Infer
    batches: Sequence[int] = BATCHES


def compare(
    provenance: Provenance,
    logical: Graph,
    weights: Mapping[str, Array],
    files: Sequence[LoadedFile],
    *,
    provider: str,
    seed: int = 0,
    tolerance: float = TOLERANCE,
) -> Verification:
    """Returns the comparison of loaded files with PyTorch on the same random images.

    Args:
        provenance: The options of the file: what it does to images and logits.
        logical: The inference graph before any pass.
        weights: Its arrays.
        files: The same file in one runtime or several.
        provider: Where they really run.
        seed: Of the images.
        tolerance: The largest relative difference to accept.

    Raises:
        TargetError: A batch size is below 1, an output has another shape than the net's, or the net's own logits are
            not finite.
        NetworkError: A batch needs more memory than a verification may.
        WeightsError: The weights do not fit the net.
    """
    batches = list(dict.fromkeys(batch for file in files for batch in file.batches))
    if min(batches, default=0) < 1:
        raise TargetError(f"batch sizes {batches}: expected at least one, and none below 1")
    check_activations(logical, max(batches), "choose smaller images or batches, or leave the verification out")
    expected = _reference(provenance, logical, weights)
    random = np.random.default_rng(seed % 2**63)
    comparisons = []
    for batch in batches:
        images = random_images(provenance, logical.input.shape, batch, random)
        outputs, response = expected(images)
        if not np.isfinite(outputs).all():
            raise TargetError(
                "the net's own logits are not finite in PyTorch (values overflow, or weights are not finite), so "
                "no file can be compared with them; leave the verification out, or choose another net or weights"
            )
        for file in files:
            if batch in file.batches:
                found, found_response = file.infer(images)
                max_abs, max_rel = difference(found, outputs, file.runtime)
                max_rel = max(max_rel, difference(found_response, response, file.runtime)[1])
                agreement = float((found.argmax(1) == outputs.argmax(1)).mean())
                comparisons.append(Comparison(file.runtime, batch, max_abs, max_rel, agreement))
    return Verification(provider, provenance.weights, tolerance, tuple(comparisons))


def torch_file(
    runtime: str, infer: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]], provider: str
) -> LoadedFile:
    """Returns a file that PyTorch runs, to compare.

    Args:
        runtime: What runs it, for people.
        infer: As `Infer`, on tensors; see `observe`.
        provider: Where it runs.
    """
    device = torch_device(provider)

    def infer_arrays(images: Array) -> tuple[Array, Array]:
        with torch.inference_mode(), one_thread(), full_precision(device):
            outputs, response = infer(torch.from_numpy(images).to(device))
        return outputs.cpu().numpy(), response.cpu().numpy()

    return LoadedFile(runtime, infer_arrays)


def observe(net: nn.Module, classifier: nn.Module) -> Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]:
    """Returns a net as a function that gives, besides its outputs, the logits without the classifier's bias.

    Args:
        net: In evaluation mode.
        classifier: The linear layer in it that gives the logits.
    """
    features: list[torch.Tensor] = []
    classifier.register_forward_pre_hook(lambda module, inputs: features.append(inputs[0]))

    def infer(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        outputs = net(images)
        return outputs, features.pop() @ classifier.get_parameter("weight").T

    return infer


def _reference(provenance: Provenance, logical: Graph, weights: Mapping[str, Array]) -> Infer:
    """The unoptimized net in PyTorch, with the file's options in PyTorch's own words."""
    net = graph_module(logical, weights).eval()
    observed = observe(net, net.get_submodule(origins.LOGITS))

    def infer(images: Array) -> tuple[Array, Array]:
        x = torch.from_numpy(images).float()
        if provenance.uint8_input:
            x = x / 255
        if provenance.normalize:
            mean, std = (torch.tensor(values).view(-1, 1, 1) for values in provenance.normalize)
            x = (x - mean) / std
        with torch.inference_mode(), one_thread():
            logits, response = observed(x)
            outputs = torch.softmax(logits, 1) if provenance.softmax else logits
        return outputs.numpy(), response.numpy()

    return infer


def random_images(provenance: Provenance, image: Shape, batch: int, random: np.random.Generator) -> Array:
    """Returns noise of the kind that the file takes, (batch, C, H, W)."""
    shape = (batch, *image)
    if provenance.uint8_input:
        return random.integers(0, 256, shape, dtype=np.uint8)
    noise = random.random(shape, np.float32) if provenance.normalize else random.standard_normal(shape, np.float32)
    if provenance.precision == "int8" and not provenance.normalize:
        noise /= 2  # else much of it is beyond the ranges that the images of a calibration have
    return noise.astype(np.float16) if provenance.half_io else noise


def difference(found: Array, expected: Array, runtime: str) -> tuple[float, float]:
    """Returns the largest difference, absolute and relative to the largest value; infinite where one is NaN.

    Raises:
        TargetError: The shapes are not the same.
    """
    if found.shape != expected.shape:
        raise TargetError(f"{runtime}: the output has shape {found.shape}; the genotype's net gives {expected.shape}")
    max_abs = float(np.abs(found.astype(np.float64) - expected).max())
    if math.isnan(max_abs):
        max_abs = math.inf
    scale = float(np.abs(expected).max())
    return max_abs, max_abs / scale if scale else (math.inf if max_abs else 0.0)
