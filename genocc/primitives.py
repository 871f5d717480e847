"""The closed set of primitives, out of which every net is made.

A primitive declares all that is known about it: attributes, shape inference, parameters, cost, and the
facts that passes and tables need. One that leaves something out cannot be defined, so that nothing is free or movable
by default. A back end is a table from primitive class to its emitter.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import ClassVar, Literal, get_args

Shape = tuple[int, ...]
"""Sizes without the batch axis: (C, H, W) for maps, (C,) for vectors."""

Pads = tuple[int, int, int, int]
"""Zero padding as (top, left, bottom, right)."""


Category = Literal["conv", "linear", "bn", "pool", "add", "activation", "data movement"]
"""The row of a cost table in which a primitive is counted."""


@dataclass(frozen=True)
class Primitive(ABC):
    """Computation of a node. Subclasses are the closed set of primitives, and bases (``abstract=True``) of some.

    Attributes:
        kind: Name in printed graphs.
        category: Where its cost is counted.
        commutative: Whether the order of its inputs does not matter.
        random: Whether two nodes of the same inputs differ.

    Raises:
        TypeError: A subclass is defined that leaves one of these or its cost (`macs`, `elementwise`) out.
    """

    kind: ClassVar[str]
    category: ClassVar[Category]
    commutative: ClassVar[bool]
    random: ClassVar[bool]

    def __init_subclass__(
        cls,
        *,
        abstract: bool = False,
        kind: str | None = None,
        category: Category | None = None,
        commutative: bool | None = None,
        random: bool | None = None,
    ) -> None:
        super().__init_subclass__()
        if abstract:
            return
        facts = {"kind": kind, "category": category, "commutative": commutative, "random": random}
        costs = [name for name in ("macs", "elementwise") if getattr(cls, name) is getattr(Primitive, name)]
        if missing := [name for name, value in facts.items() if value is None] + costs:
            raise TypeError(f"primitive {cls.__name__} does not define {', '.join(missing)}")
        if category not in (known := get_args(Category)):
            raise TypeError(
                f"primitive {cls.__name__}: found category '{category}'; expected one of {', '.join(known)}"
            )
        for name, value in facts.items():
            setattr(cls, name, value)

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

    @abstractmethod
    def macs(self, inputs: Sequence[Shape], output: Shape) -> int:
        """Returns multiply-accumulates for one image: convolutions and linear layers only, bias not counted."""

    @abstractmethod
    def elementwise(self, inputs: Sequence[Shape], output: Shape) -> int:
        """Returns the other arithmetic operations for one image (never part of MACs or FLOPs)."""


def _free(self: Primitive, inputs: Sequence[Shape], output: Shape) -> int:
    return 0


@dataclass(frozen=True)
class Input(Primitive, kind="input", category="data movement", commutative=False, random=False):
    """The image."""

    channels: int
    height: int
    width: int
    dtype: str = "float32"

    macs = elementwise = _free

    def infer(self, inputs: Sequence[Shape]) -> Shape:
        () = inputs
        return (self.channels, self.height, self.width)


@dataclass(frozen=True)
class Conv2d(Primitive, kind="conv2d", category="conv", commutative=False, random=False):
    """Convolution with zero padding."""

    channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    pads: Pads = (0, 0, 0, 0)
    dilation: int = 1
    groups: int = 1
    bias: bool = False

    elementwise = _free

    @property
    def dense(self) -> bool:
        """Whether every output channel reads every input channel."""
        return self.groups == 1

    @property
    def pixelwise(self) -> bool:
        """Whether each output pixel reads one pixel, all of which exist: 1x1 and unpadded, of any stride."""
        return self.kernel == (1, 1) and not any(self.pads)

    @property
    def pointwise(self) -> bool:
        """Whether it is one matrix product over the pixels: dense, 1x1, unpadded, of stride 1."""
        return self.dense and self.pixelwise and self.stride == (1, 1)

    def depthwise(self, inputs: Sequence[Shape]) -> bool:
        """Whether it filters each of several channels alone: as many groups as input and as output channels."""
        ((channels, *_),) = inputs
        return 1 < self.groups == self.channels == channels

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
class BatchNorm(Primitive, kind="batch_norm", category="bn", commutative=False, random=False):
    """Batch normalization over N, H, W; with running statistics in inference."""

    affine: bool = True
    epsilon: float = 1e-5
    momentum: float = 0.1

    macs = _free

    def elementwise(self, inputs: Sequence[Shape], output: Shape) -> int:
        return 2 * prod(output)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        return {"weight": inputs[0][:1], "bias": inputs[0][:1]} if self.affine else {}

    def buffers(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        return {"running_mean": inputs[0][:1], "running_var": inputs[0][:1]}


@dataclass(frozen=True)
class Relu(Primitive, kind="relu", category="activation", commutative=False, random=False):
    """max(x, 0)."""

    macs = _free

    def elementwise(self, inputs: Sequence[Shape], output: Shape) -> int:
        return prod(output)


@dataclass(frozen=True)
class Pool(Primitive, abstract=True):
    """Base of the two pools: a window that ignores the padding."""

    kernel: int
    stride: int = 1
    padding: int = 0

    macs = _free

    def infer(self, inputs: Sequence[Shape]) -> Shape:
        ((channels, height, width),) = inputs
        window = (self.kernel, self.kernel), (self.stride, self.stride), (self.padding,) * 4
        return (channels, *_window((height, width), *window))

    def elementwise(self, inputs: Sequence[Shape], output: Shape) -> int:
        return prod(output) * self.kernel**2


@dataclass(frozen=True)
class MaxPool(Pool, kind="max_pool", category="pool", commutative=False, random=False):
    """Maximum over a window."""


@dataclass(frozen=True)
class AvgPool(Pool, kind="avg_pool", category="pool", commutative=False, random=False):
    """Mean over the part of a window that lies inside the image (padding is not counted)."""


@dataclass(frozen=True)
class Add(Primitive, kind="add", category="add", commutative=True, random=False):
    """Sum of two or more values of one shape."""

    macs = _free

    def infer(self, inputs: Sequence[Shape]) -> Shape:
        if len(inputs) < 2 or len(set(inputs)) != 1:
            raise ValueError(f"expected two or more inputs of one shape, found {list(inputs)}")
        return inputs[0]

    def elementwise(self, inputs: Sequence[Shape], output: Shape) -> int:
        return prod(output) * (len(inputs) - 1)


@dataclass(frozen=True)
class Concat(Primitive, kind="concat", category="data movement", commutative=False, random=False):
    """Concatenation along the channels."""

    macs = elementwise = _free

    def infer(self, inputs: Sequence[Shape]) -> Shape:
        if len(inputs) < 2 or len({shape[1:] for shape in inputs}) != 1:
            raise ValueError(f"expected two or more maps of one size, found {list(inputs)}")
        return (sum(shape[0] for shape in inputs), *inputs[0][1:])


@dataclass(frozen=True)
class ShiftPad(Primitive, kind="shift_pad", category="data movement", commutative=False, random=False):
    """out[i, j] = in[i + 1, j + 1], zero in the last row and column: the factorized reduce's offset."""

    macs = elementwise = _free


@dataclass(frozen=True)
class Slice(Primitive, kind="slice", category="data movement", commutative=False, random=False):
    """Channels ``start`` to ``stop`` (exclusive)."""

    start: int
    stop: int

    macs = elementwise = _free

    def infer(self, inputs: Sequence[Shape]) -> Shape:
        ((channels, *size),) = inputs
        if not 0 <= self.start < self.stop <= channels:
            raise ValueError(f"channels {self.start}:{self.stop} are not within {channels}")
        return (self.stop - self.start, *size)


@dataclass(frozen=True)
class Zero(Primitive, kind="zero", category="data movement", commutative=False, random=False):
    """Zeros for each image of the input: of the input only the size is read, which the stride divides, rounding up."""

    channels: int
    stride: tuple[int, int] = (1, 1)

    macs = elementwise = _free

    def infer(self, inputs: Sequence[Shape]) -> Shape:
        ((_, *size),) = inputs
        return (self.channels, *(-(-length // step) for length, step in zip(size, self.stride, strict=True)))


@dataclass(frozen=True)
class GlobalMean(Primitive, kind="global_mean", category="pool", commutative=False, random=False):
    """Mean over height and width, whatever they are: (C, H, W) -> (C,)."""

    macs = _free

    def infer(self, inputs: Sequence[Shape]) -> Shape:
        ((channels, _, _),) = inputs
        return (channels,)

    def elementwise(self, inputs: Sequence[Shape], output: Shape) -> int:
        return prod(inputs[0])


@dataclass(frozen=True)
class Linear(Primitive, kind="linear", category="linear", commutative=False, random=False):
    """Fully connected layer with bias."""

    features: int

    elementwise = _free

    def infer(self, inputs: Sequence[Shape]) -> Shape:
        ((_,),) = inputs
        return (self.features,)

    def parameters(self, inputs: Sequence[Shape]) -> dict[str, Shape]:
        return {"weight": (self.features, inputs[0][0]), "bias": (self.features,)}

    def macs(self, inputs: Sequence[Shape], output: Shape) -> int:
        return self.features * inputs[0][0]


@dataclass(frozen=True)
class DropPath(Primitive, kind="drop_path", category="data movement", commutative=False, random=True):
    """Drops the value for a random part of the images and scales the rest by 1/(1-p). Training only."""

    macs = elementwise = _free


@dataclass(frozen=True)
class Normalize(Primitive, kind="normalize", category="data movement", commutative=False, random=False):
    """(x * scale - mean) / std for each channel: a deployment option; makes float32 of uint8 images."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    scale: float = 1.0

    macs = _free

    def elementwise(self, inputs: Sequence[Shape], output: Shape) -> int:
        return 2 * prod(output)

    def infer(self, inputs: Sequence[Shape]) -> Shape:
        if not len(self.mean) == len(self.std) == inputs[0][0]:
            raise ValueError(
                f"expected {inputs[0][0]} means and deviations, found {len(self.mean)} and {len(self.std)}"
            )
        return inputs[0]


@dataclass(frozen=True)
class Softmax(Primitive, kind="softmax", category="activation", commutative=False, random=False):
    """Class probabilities from logits: a deployment option."""

    macs = _free

    def elementwise(self, inputs: Sequence[Shape], output: Shape) -> int:
        return 3 * prod(output)


PRIMITIVES: tuple[type[Primitive], ...] = (
    Input, Conv2d, BatchNorm, Relu, MaxPool, AvgPool, Add, Concat, ShiftPad, Slice, Zero, GlobalMean, Linear,
    DropPath, Normalize, Softmax,
)  # fmt: skip


def keeps_zero(primitive: Primitive) -> bool:
    """Whether its output is zero, for any weights, if all inputs are."""
    if isinstance(primitive, Conv2d):
        return not primitive.bias
    return isinstance(primitive, (Relu, Pool, Add, Concat, ShiftPad, Slice, Zero, GlobalMean, DropPath))


def _window(size: Iterable[int], reach: Iterable[int], stride: Iterable[int], pads: Pads) -> Shape:
    top, left, bottom, right = pads
    result = tuple(
        (length + pad - extent) // step + 1
        for length, extent, step, pad in zip(size, reach, stride, (top + bottom, left + right), strict=True)
    )
    if min(result) < 1:
        raise ValueError("the window is larger than the padded map")
    return result
