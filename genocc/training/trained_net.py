"""Trained nets from run folders and files, as functions from images to outputs that say which images they take.

A training run and a .safetensors file are run by PyTorch, an .onnx file by ONNX Runtime and an .xml file by OpenVINO,
as in deployment, without a look at weights or genotype; or by another runtime that reads such files.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from genocc.errors import FileError, TargetError
from genocc.runs.reading import RUN_LAST, TRAIN, read_config

if TYPE_CHECKING:
    from genocc.provenance import Normalization, Provenance
    from genocc.runtimes.base import LoadedNet

DEPLOYED = (".onnx", ".xml")
"""Suffixes of files that a runtime other than PyTorch runs."""

Pixels = Literal["uint8", "unit", "normalized"]
"""Input of a net: integers 0..255, floats 0..1, or floats minus a mean, over a deviation."""

ImageShape = tuple[int | None, int | None, int | None]
"""Channels, height and width; None where the net takes any."""


@dataclass(frozen=True)
class TrainedNet:
    """A net that can be run.

    Attributes:
        where: The file, for messages.
        run: Images (B, C, H, W) -> outputs (B, classes).
        pixels: Form of the pixels that it takes.
        shape: Of an image.
        classes: Number of outputs; None where the file does not say it.
        class_names: In order; empty where the file does not say them.
        runtime: Name and version of what runs it.
        provider: Where the runtime runs it.
        weights: Description of the weights, for people.
        normalization: Mean and deviation of the images that it was trained on; None where the file does not say them.
        batch: The only batch size that it takes; None where it takes any.
        device: Where the images must be.
    """

    where: str
    run: Callable[[Tensor], Tensor]
    pixels: Pixels
    shape: ImageShape
    classes: int | None
    class_names: tuple[str, ...]
    runtime: str
    provider: str
    weights: str
    normalization: Normalization | None = None
    batch: int | None = None
    device: str = "cpu"


def open_net(
    path: str | Path, *, provider: str = "cpu", pixels: str | None = None, runtime: str | None = None
) -> TrainedNet:
    """Opens a training run, or a .safetensors, .onnx or .xml file.

    Args:
        path: The folder or the file.
        provider: Where it is run: ``cpu`` or ``cuda``.
        pixels: Input of an .onnx or .xml file that does not say it.
        runtime: Name of what runs it; the first of its kind where not given.

    Raises:
        FileError: There is no such file, or it cannot be read.
        RunError: The folder is not that of a training run, or its weights are another's.
        TargetError: ``pixels`` is missing or contradicts the file, or the runtime or the provider is not available.
        WeightsError: The weights do not fit their net.
    """
    path = Path(path)
    if not path.exists():
        raise FileError(f"{path}: no such file or folder; check the path")
    if pixels not in (None, *get_args(Pixels)):
        raise TargetError(f"--pixels: found '{pixels}'; expected {', '.join(get_args(Pixels))}")
    from genocc.runtimes.compiled_file import refuse_others

    refuse_others(path)
    if path.suffix in DEPLOYED and path.is_file():
        return _deployed(path, provider, pixels, runtime)
    if pixels is not None:
        raise TargetError(f"--pixels: is for .onnx and .xml files that do not say what they take; {path} is none")
    if path.is_dir():
        from genocc.runs.own_files import own_weights

        read_config(path, TRAIN)
        path, _ = own_weights(path, f"name a file of weights, such as its {RUN_LAST}")
    if runtime in (None, "eager"):
        return _torch(path, provider)  # as `_deployed` does it, but without arrays on the way
    return _deployed(path, provider, None, runtime)


def _torch(path: Path, provider: str) -> TrainedNet:
    from genocc import weights
    from genocc.nn import target_net
    from genocc.provenance import Provenance
    from genocc.runtimes.compiled_file import check
    from genocc.runtimes.torch import full_precision, torch_device

    provenance = Provenance.from_metadata(weights.metadata(path), str(path))
    check(provenance, None, str(path))
    net = target_net.load(path).to(torch_device(provider)).eval()

    def run(images: Tensor) -> Tensor:
        with full_precision(provider):
            outputs: Tensor = net(images)
        return outputs

    return _of_genocc(provenance, path, run, f"PyTorch {torch.__version__}", provider, device=provider)


def _deployed(path: Path, provider: str, pixels: str | None, name: str | None) -> TrainedNet:
    from genocc.runtimes.files import open_file
    from genocc.runtimes.table import chosen

    file = open_file(path)
    provenance = file.provenance() if "genocc_version" in file.metadata else None
    runtime = chosen(file, [] if name is None else [name], provider)[0]
    loaded = runtime.load(file, provider)
    kind = np.float16 if loaded.inputs and loaded.inputs[0].type == "tensor(float16)" else None

    def run(images: Tensor) -> Tensor:
        outputs = loaded.infer(images.numpy().astype(kind, copy=False) if kind else images.numpy())
        if outputs.ndim != 2 or len(outputs) != len(images) or outputs.dtype.kind != "f":
            found = f"{outputs.dtype} of shape {'x'.join(map(str, outputs.shape)) or '()'}"
            raise TargetError(f"{path}: gives {found} for {len(images)} images; expected a row of floats per image")
        return torch.from_numpy(outputs)

    label = f"{runtime.title} {runtime.version()}"
    if provenance is None:
        return _of_another_program(path, loaded, run, label, pixels)
    if pixels is not None:
        raise TargetError(f"--pixels: {path} says itself what it takes; leave --pixels out")
    found = _of_genocc(provenance, path, run, label, loaded.provider)
    return _of_one_batch(found, loaded.batch)


def described_net(provenance: Provenance, where: str) -> TrainedNet:
    """Returns a net that says which images it takes, and cannot be run."""

    def run(images: Tensor) -> Tensor:
        raise TargetError(f"{where}: is only described")

    return _of_genocc(provenance, where, run, "", "cpu")


def _of_genocc(
    provenance: Provenance,
    path: str | Path,
    run: Callable[[Tensor], Tensor],
    runtime: str,
    provider: str,
    *,
    device: str = "cpu",
) -> TrainedNet:
    """A net from genocc, whose file says everything about it."""
    config = provenance.config
    inside: Pixels = "uint8" if provenance.uint8_input else "unit" if provenance.normalize else "normalized"
    return TrainedNet(
        str(path),
        run,
        inside,
        (config.input_channels, *config.input_size),
        config.classes,
        provenance.class_names,
        runtime,
        provider,
        provenance.weights,
        provenance.normalization,
        device=device,
    )


def _of_another_program(
    path: Path, loaded: LoadedNet, run: Callable[[Tensor], Tensor], runtime: str, pixels: str | None
) -> TrainedNet:
    """A net from another program, whose file has shapes but does not say how its pixels are scaled."""
    inputs, outputs = loaded.inputs, loaded.outputs
    shapes = [[size if isinstance(size, int) else None for size in value.shape] for value in (*inputs, *outputs)]
    if [len(shape) for shape in shapes] != [4, 2]:
        listed = ", ".join(f"{value.name} {value.shape}" for value in (*inputs, *outputs))
        raise TargetError(
            f"{path}: not a classifier of images; found {listed}; expected one input (batch, channels, height, width) "
            "and one output (batch, classes)"
        )
    if any(size is not None and size < 1 for shape in shapes for size in shape):
        raise TargetError(f"{path}: takes images {inputs[0].shape} and gives {outputs[0].shape}; expected no size of 0")
    types = {"tensor(uint8)": ("uint8",), "tensor(float)": ("unit", "normalized")}
    if (allowed := types.get(inputs[0].type)) is None:
        raise TargetError(f"{path}: takes {inputs[0].type}; expected float32 or uint8 images")
    if pixels is None and len(allowed) > 1:
        raise TargetError(
            f"{path}: was not written by genocc and does not say what images it takes; say it: --pixels normalized "
            "(mean and deviation of the data set taken out before) or --pixels unit (0..1, as they are)"
        )
    if pixels not in (None, *allowed):
        raise TargetError(f"--pixels {pixels}: {path} takes {inputs[0].type}; expected {' or '.join(allowed)}")
    (batch, *image), (_, classes) = shapes
    channels, height, width = image
    found = TrainedNet(
        str(path),
        run,
        pixels or allowed[0],  # type: ignore[arg-type]
        (channels, height, width),
        classes,
        (),
        runtime,
        loaded.provider,
        "weights of another program",
    )
    return _of_one_batch(found, batch)


def _of_one_batch(net: TrainedNet, batch: int | None) -> TrainedNet:
    """A net that takes one batch size, for smaller ones too; the same net where it takes any."""
    return net if batch is None else replace(net, run=_padded(net.run, batch), batch=batch)


def _padded(run: Callable[[Tensor], Tensor], batch: int) -> Callable[[Tensor], Tensor]:
    """Pads smaller batches for a net that takes one batch size, and drops the outputs of the padding."""

    def run_padded(images: Tensor) -> Tensor:
        missing = images[:1].expand(batch - len(images), *images.shape[1:])
        return run(torch.cat([images, missing]))[: len(images)]

    return run_padded
