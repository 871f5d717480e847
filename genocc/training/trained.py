"""Trained nets, whatever holds them, as something that turns images into outputs and says what it expects of them.

A training run and a .safetensors file are run by PyTorch; an .onnx file by ONNX Runtime, as it will be where it is
shipped: neither its weights nor its genotype are looked at here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
from torch import Tensor

from genocc.errors import FileError, TargetError
from genocc.runs.reading import RUN_LAST, TRAIN, best_weights, read_config

if TYPE_CHECKING:
    from genocc.provenance import Normalization, Provenance

Pixels = Literal["uint8", "unit", "normalized"]
"""What a net takes: integers 0..255, floats 0..1, or those minus a mean, over a deviation."""

Shape = tuple[int | None, int | None, int | None]
"""Channels, height and width; None where any will do."""


@dataclass(frozen=True)
class TrainedNet:
    """A net that can be run.

    Attributes:
        where: The file, for messages.
        run: Images (B, C, H, W) -> outputs (B, classes).
        pixels: What the images must be.
        shape: Of an image.
        classes: Number of outputs; None where the file does not say it.
        class_names: In order; empty where the file does not say them.
        runtime: What runs it.
        provider: On what.
        weights: What the weights are, for people.
        normalization: Mean and deviation of the images that it was trained on; None where the file does not say them.
        batch: The one batch size that it takes, if it does not take all.
        device: Where the images must be.
    """

    where: str
    run: Callable[[Tensor], Tensor]
    pixels: Pixels
    shape: Shape
    classes: int | None
    class_names: tuple[str, ...]
    runtime: str
    provider: str
    weights: str
    normalization: Normalization | None = None
    batch: int | None = None
    device: str = "cpu"


def open_net(path: str | Path, *, provider: str = "cpu", pixels: str | None = None) -> TrainedNet:
    """Opens a training run, a .safetensors file or an .onnx file.

    Args:
        path: The folder or the file.
        provider: Where it is run: ``cpu`` or ``cuda``.
        pixels: What it takes, of an .onnx file that does not say so.

    Raises:
        FileError: There is no such file, or it cannot be read.
        RunError: The folder is not that of a training run.
        TargetError: The file says too little or too much about itself, or the provider cannot be had.
        WeightsError: The weights do not fit their net.
    """
    path = Path(path)
    if not path.exists():
        raise FileError(f"{path}: no such file or folder; check the path")
    if pixels not in (None, *get_args(Pixels)):
        raise TargetError(f"--pixels: found '{pixels}'; expected {', '.join(get_args(Pixels))}")
    if path.suffix == ".onnx" and path.is_file():
        return _onnx(path, provider, pixels)
    if pixels is not None:
        raise TargetError(f"--pixels: is for .onnx files that do not say what they take; {path} is none")
    if path.is_dir():
        read_config(path, TRAIN)
        path = best_weights(path, f"name a file of weights, such as its {RUN_LAST}")
    return _torch(path, provider)


def _torch(path: Path, provider: str) -> TrainedNet:
    from genocc import weights
    from genocc.nn import target_net
    from genocc.provenance import Provenance
    from genocc.runtimes.torch import torch_device

    described = Provenance.from_metadata(weights.metadata(path), str(path))
    net = target_net.load(path).to(torch_device(provider)).eval()

    def run(images: Tensor) -> Tensor:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            outputs: Tensor = net(images)
        return outputs

    return _described(described, path, run, f"PyTorch {torch.__version__}", provider, device=provider)


def _onnx(path: Path, provider: str, pixels: str | None) -> TrainedNet:
    from genocc.files import read_bytes
    from genocc.provenance import Provenance
    from genocc.runtimes import onnx_runtime
    from genocc.runtimes.onnx_files import MAX_BYTES

    session = onnx_runtime.session(read_bytes(path, limit=MAX_BYTES), provider, str(path))

    def run(images: Tensor) -> Tensor:
        return torch.from_numpy(onnx_runtime.run(session, images.numpy(), str(path)))

    used = session.get_providers()[0]
    metadata = session.get_modelmeta().custom_metadata_map
    if "genocc_version" not in metadata:
        return _foreign(path, session, run, onnx_runtime.RUNTIME, used, pixels)
    if pixels is not None:
        raise TargetError(f"--pixels: {path} says itself what it takes; leave --pixels out")
    return _described(Provenance.from_metadata(metadata, str(path)), path, run, onnx_runtime.RUNTIME, used)


def _described(
    provenance: Provenance,
    path: Path,
    run: Callable[[Tensor], Tensor],
    runtime: str,
    provider: str,
    *,
    device: str = "cpu",
) -> TrainedNet:
    """A net of genocc: its file says everything."""
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


def _foreign(
    path: Path, session: Any, run: Callable[[Tensor], Tensor], runtime: str, provider: str, pixels: str | None
) -> TrainedNet:
    """Another program's file: shapes are its own, what its pixels are somebody must say."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    shapes = [[size if isinstance(size, int) else None for size in value.shape] for value in (*inputs, *outputs)]
    if [len(shape) for shape in shapes] != [4, 2]:
        listed = ", ".join(f"{value.name} {value.shape}" for value in (*inputs, *outputs))
        raise TargetError(
            f"{path}: not a classifier of images; found {listed}; expected one input (batch, channels, height, width) "
            "and one output (batch, classes)"
        )
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
        provider,
        "weights of another program",
    )
    return found if batch is None else replace(found, run=_filled(run, batch), batch=batch)


def _filled(run: Callable[[Tensor], Tensor], batch: int) -> Callable[[Tensor], Tensor]:
    """For a net that takes one batch size: a smaller batch is filled up, and what comes of that left out."""

    def run_filled(images: Tensor) -> Tensor:
        missing = images[:1].expand(batch - len(images), *images.shape[1:])
        return run(torch.cat([images, missing]))[: len(images)]

    return run_filled
