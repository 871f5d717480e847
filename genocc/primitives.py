"""The closed set of primitives, out of which every net is made.

A primitive declares all that is known about it: attributes, shape inference, parameters and cost. A back end is a table
from primitive class to its construct.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar

Shape = tuple[int, ...]
"""Sizes without the batch axis: (C, H, W) for maps, (C,) for vectors."""

Pads = tuple[int, int, int, int]
"""Zero padding as (top, left, bottom, right)."""


@dataclass(frozen=True)
class Primitive:
    """What a node computes. Subclasses are the closed set of primitives."""

    kind: ClassVar[str]

    def infer(self, inputs: Sequence[Shape]) -> Shape:
        """Returns the output's shape; raises ``ValueError`` where the inputs do not fit."""
        (shape,) = inputs
        return shape

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        """Returns role -> shape of the trained parameters."""
        return {}

    def buffers(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        """Returns role -> shape of what is stored with the weights but not trained."""
        return {}

    def macs(self, inputs: Sequence[Shape], output: Shape) -> int:
        """Returns multiply-accumulates for one image: convolutions and linear layers only, bias not counted."""
        return 0

    def elementwise(self, inputs: Sequence[Shape], output: Shape) -> int:
        """Returns the other arithmetic operations for one image (never part of MACs or FLOPs)."""
        return 0


@dataclass(frozen=True)
class Input(Primitive):
    """The image."""

    kind = "input"
    channels: int
    height: int
    width: int
    dtype: str = "float32"

    def infer(self, inputs: Sequence[Shape]) -> Shape:
        () = inputs
        return (self.channels, self.height, self.width)


@dataclass(frozen=True)
class Conv2d(Primitive):
    """Convolution with zero padding."""

    kind = "conv2d"
    channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    pads: Pads = (0, 0, 0, 0)
    dilation: int = 1
    groups: int = 1
    bias: bool = False

    def infer(self, inputs: Sequence[Shape]) -> Shape:
        ((channels, height, width),) = inputs
        if channels % self.groups or self.channels % self.groups:
            raise ValueError(f"{self.groups} groups do not divide {channels} -> {self.channels} channels")
        reach = tuple(self.dilation * (k - 1) + 1 for k in self.kernel)
        return (self.channels, *_window((height, width), reach, self.stride, self.pads))

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        weight = {"weight": (self.channels, inputs[0][0] // self.groups, *self.kernel)}
        return weight | ({"bias": (self.channels,)} if self.bias else {})

    def macs(self, inputs: Sequence[Shape], output: Shape) -> int:
        return prod(output) * (inputs[0][0] // self.groups) * prod(self.kernel)


@dataclass(frozen=True)
class BatchNorm(Primitive):
    """Batch normalization over N, H, W; with running statistics in inference."""

    kind = "batch_norm"
    affine: bool = True
    epsilon: float = 1e-5
    momentum: float = 0.1

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        return {"weight": inputs[0][:1], "bias": inputs[0][:1]} if self.affine else {}

    def buffers(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        return {"running_mean": inputs[0][:1], "running_var": inputs[0][:1]}

    def elementwise(self, inputs: Sequence[Shape], output: Shape) -> int:
        return 2 * prod(output)


@dataclass(frozen=True)
class Relu(Primitive):
    """max(x, 0)."""

    kind = "relu"

    def elementwise(self, inputs: Sequence[Shape], output: Shape) -> int:
        return prod(output)


@dataclass(frozen=True)
class Pool(Primitive):
    """Base of the two pools: a window that ignores the padding."""

    kernel: int
    stride: int = 1
    padding: int = 0

    def infer(self, inputs: Sequence[Shape]) -> Shape:
        ((channels, height, width),) = inputs
        window = (self.kernel, self.kernel), (self.stride, self.stride), (self.padding,) * 4
        return (channels, *_window((height, width), *window))

    def elementwise(self, inputs: Sequence[Shape], output: Shape) -> int:
        return prod(output) * self.kernel**2


@dataclass(frozen=True)
class MaxPool(Pool):
    """Maximum over a window."""

    kind = "max_pool"


@dataclass(frozen=True)
class AvgPool(Pool):
    """Mean over the part of a window that lies inside the image (padding is not counted)."""

    kind = "avg_pool"


@dataclass(frozen=True)
class Add(Primitive):
    """Sum of two or more values of one shape."""

    kind = "add"

    def infer(self, inputs: Sequence[Shape]) -> Shape:
        if len(inputs) < 2 or len(set(inputs)) != 1:
            raise ValueError(f"expected two or more inputs of one shape, found {list(inputs)}")
        return inputs[0]

    def elementwise(self, inputs: Sequence[Shape], output: Shape) -> int:
        return prod(output) * (len(inputs) - 1)


@dataclass(frozen=True)
class Concat(Primitive):
    """Concatenation along the channels."""

    kind = "concat"

    def infer(self, inputs: Sequence[Shape]) -> Shape:
        if len(inputs) < 2 or len({shape[1:] for shape in inputs}) != 1:
            raise ValueError(f"expected two or more maps of one size, found {list(inputs)}")
        return (sum(shape[0] for shape in inputs), *inputs[0][1:])


@dataclass(frozen=True)
class ShiftPad(Primitive):
    """out[i, j] = in[i + 1, j + 1], zero in the last row and column: the factorized reduce's offset."""

    kind = "shift_pad"


@dataclass(frozen=True)
class Slice(Primitive):
    """Channels ``start`` to ``stop`` (exclusive)."""

    kind = "slice"
    start: int
    stop: int

    def infer(self, inputs: Sequence[Shape]) -> Shape:
        ((channels, *size),) = inputs
        if not 0 <= self.start < self.stop <= channels:
            raise ValueError(f"channels {self.start}:{self.stop} are not within {channels}")
        return (self.stop - self.start, *size)


@dataclass(frozen=True)
class GlobalMean(Primitive):
    """Mean over height and width, whatever they are: (C, H, W) -> (C,)."""

    kind = "global_mean"

    def infer(self, inputs: Sequence[Shape]) -> Shape:
        ((channels, _, _),) = inputs
        return (channels,)

    def elementwise(self, inputs: Sequence[Shape], output: Shape) -> int:
        return prod(inputs[0])


@dataclass(frozen=True)
class Linear(Primitive):
    """Fully connected layer with bias."""

    kind = "linear"
    features: int

    def infer(self, inputs: Sequence[Shape]) -> Shape:
        ((_,),) = inputs
        return (self.features,)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        return {"weight": (self.features, inputs[0][0]), "bias": (self.features,)}

    def macs(self, inputs: Sequence[Shape], output: Shape) -> int:
        return self.features * inputs[0][0]


@dataclass(frozen=True)
class DropPath(Primitive):
    """Drops the value for a random part of the images and scales the rest by 1/(1-p). Training only."""

    kind = "drop_path"


@dataclass(frozen=True)
class Normalize(Primitive):
    """(x * scale - mean) / std for each channel: a deployment option; makes float32 of uint8 images."""

    kind = "normalize"
    mean: tuple[float, ...]
    std: tuple[float, ...]
    scale: float = 1.0

    def infer(self, inputs: Sequence[Shape]) -> Shape:
        if not len(self.mean) == len(self.std) == inputs[0][0]:
            raise ValueError(
                f"expected {inputs[0][0]} means and deviations, found {len(self.mean)} and {len(self.std)}"
            )
        return inputs[0]

    def elementwise(self, inputs: Sequence[Shape], output: Shape) -> int:
        return 2 * prod(output)


@dataclass(frozen=True)
class Softmax(Primitive):
    """Class probabilities from logits: a deployment option."""

    kind = "softmax"

    def elementwise(self, inputs: Sequence[Shape], output: Shape) -> int:
        return 3 * prod(output)


PRIMITIVES: tuple[type[Primitive], ...] = (
    Input, Conv2d, BatchNorm, Relu, MaxPool, AvgPool, Add, Concat, ShiftPad, Slice, GlobalMean, Linear, DropPath,
    Normalize, Softmax,
)  # fmt: skip


def _window(size: Iterable[int], reach: Iterable[int], stride: Iterable[int], pads: Pads) -> Shape:
    top, left, bottom, right = pads
    result = tuple(
        (length + pad - extent) // step + 1
        for length, extent, step, pad in zip(size, reach, stride, (top + bottom, left + right), strict=True)
    )
    if min(result) < 1:
        raise ValueError("the window is larger than the padded map")
    return result
