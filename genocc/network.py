"""The network around the cells: its configuration, and the skeletons that say where stem, cells and heads go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from genocc import origins
from genocc.errors import NetworkError, expectation, quoted
from genocc.operations import Block
from genocc.primitives import AvgPool

SkeletonName = Literal["cifar", "imagenet", "nas-bench-201"]
Size = Annotated[int, Field(strict=True, ge=1, le=8192)]


class NetworkConfig(BaseModel):
    """Configuration of a net around its cells.

    Of values that are not possible, `make` raises a NetworkError, and this pydantic's ValidationError.

    Attributes:
        skeleton: ``cifar``, ``imagenet`` or ``nas-bench-201``; fields that are not given take its defaults.
        channels: C of the first cells; doubled by each reduction.
        layers: Number of cells L; those at L//3 and 2L//3 are reductions. In ``nas-bench-201``, whose reductions are
            residual blocks, L is 3N + 2: stages of N cells.
        classes: Number of classes.
        input_size: Height and width of the images.
        input_channels: Channels of the images.
        stem_stride: How much the stem shrinks the image: 1 or 2 (cifar), 2, 4 or 8 (imagenet). Images between the
            two worlds, such as the 64x64 of Tiny-ImageNet (EC-DARTS, Section 5.4), take cifar with 2.
        auxiliary: Whether the training net has the auxiliary head.
        auxiliary_bn: Whether BN follows the auxiliary head's 2x2 convolution (the DARTS program's ImageNet net has
            none there, P-DARTS' has).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    skeleton: SkeletonName = "cifar"
    channels: int = Field(default=36, strict=True, ge=1, le=4096)
    layers: int = Field(default=20, strict=True, ge=1, le=512)
    classes: int = Field(default=10, strict=True, ge=1, le=1_000_000)
    input_size: tuple[Size, Size] = (32, 32)
    input_channels: int = Field(default=3, strict=True, ge=1, le=1024)
    stem_stride: int = Field(default=1, strict=True)
    auxiliary: bool = Field(default=False, strict=True)
    auxiliary_bn: bool = Field(default=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        data = {key: _plain(value) for key, value in data.items()}
        name = data.get("skeleton", "cifar")
        return {**SKELETONS[name].defaults, **data} if isinstance(name, str) and name in SKELETONS else data

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        skeleton, message = SKELETONS[self.skeleton], ""
        if self.stem_stride not in skeleton.stem_strides:
            values = ", ".join(map(str, skeleton.stem_strides))
            message = f"stem_stride {self.stem_stride} does not exist in skeleton '{self.skeleton}'; expected {values}"
        elif skeleton.reduction and (self.layers < 5 or self.layers % 3 != 2):
            message = (
                f"layers {self.layers}: skeleton '{self.skeleton}' has three stages of N cells and a residual block "
                "between two of them; expected 3N + 2 layers: 5, 8, 11, 14, 17, ..."
            )
        elif skeleton.auxiliary_stride is None and self.auxiliary:
            message = f"auxiliary: skeleton '{self.skeleton}' has no auxiliary head; leave it out"
        if message:
            raise PydanticCustomError("network", "{message}", {"message": message})
        return self

    @classmethod
    def make(cls, /, **fields: Any) -> NetworkConfig:
        """Returns a configuration; fields that are None count as not given.

        Raises:
            NetworkError: A field is unknown or out of range; the message names it.
        """
        try:
            return cls(**{name: value for name, value in fields.items() if value is not None})
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            if first["type"] == "network":
                raise NetworkError(first["msg"]) from None
            field = ".".join(quoted(part).strip("'") for part in first["loc"])
            raise NetworkError(f"{field}: found {quoted(first['input'])}; {expectation(first['msg'])}") from None

    @property
    def reductions(self) -> frozenset[int]:
        """Positions of the reduction cells."""
        return frozenset({self.layers // 3, 2 * self.layers // 3})

    def kind(self, cell: int) -> str:
        """Returns the kind of the cell at a position: ``normal`` or ``reduction``."""
        return "reduction" if cell in self.reductions else "normal"

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of cell that are a genotype's, sorted."""
        return (
            ("normal",)
            if SKELETONS[self.skeleton].reduction
            else tuple(sorted(set(map(self.kind, range(self.layers)))))
        )


def _plain(value: Any) -> Any:
    """A whole number of NumPy's as Python's, in a tuple too; anything else as it is."""
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else value


@dataclass(frozen=True)
class Stem:
    """Output of a stem: states 0 and 1 of cell 0, and whether state 0 is twice as large as state 1."""

    older: str
    newer: str
    reduced: bool


@dataclass(frozen=True)
class Skeleton:
    """A family of networks.

    Attributes:
        defaults: Values of NetworkConfig fields.
        stem: Writes the stem and returns cell 0's inputs.
        stem_strides: The values that ``stem_stride`` may take.
        auxiliary_stride: Stride of the auxiliary head's 5x5 average pool; None: it has no such head.
        inputs: Of a cell. 2: the outputs of the two cells before it, preprocessed to C channels; the output is a
            concatenation. 1: the output of the cell before it as it is; the output is one state, of C channels.
        reduction: Writes the block that stands in the place of a reduction cell; None: it is a cell of the genotype.
        tail: Writes what stands between the last cell and the global mean, into the head.
    """

    defaults: dict[str, Any]
    stem: Callable[[Block, str, NetworkConfig], Stem]
    stem_strides: tuple[int, ...]
    auxiliary_stride: int | None
    inputs: int = 2
    reduction: Callable[[Block, str], str] | None = None
    tail: Callable[[Block, str], str] = lambda b, x: x


def cifar_stem(b: Block, image: str, config: NetworkConfig) -> Stem:
    """One 3x3 conv to 3C and BN, without ReLU, for both inputs of cell 0."""
    stem = b.within(origins.STEM, 3 * config.channels)
    x = stem.norm(stem.conv(image, "conv", 3, config.stem_stride))
    return Stem(x, x, reduced=False)


def imagenet_stem(b: Block, image: str, config: NetworkConfig) -> Stem:
    """Three 3x3 convs; cell 0 sees the map before and after the last, which always halves it."""
    first, second = {8: (2, 2), 4: (1, 2), 2: (1, 1)}[config.stem_stride]
    stem = b.within(origins.STEM0, config.channels)
    x = stem.conv(image, "conv1", 3, first, channels=max(config.channels // 2, 1))
    x = stem.relu(stem.norm(x, "bn1"))
    older = stem.norm(stem.conv(x, "conv2", 3, second), "bn2")
    stem = b.within(origins.STEM1, config.channels)
    newer = stem.norm(stem.conv(stem.relu(older), "conv", 3, 2))
    return Stem(older, newer, reduced=True)


def nas_bench_201_stem(b: Block, image: str, config: NetworkConfig) -> Stem:
    """One 3x3 conv to C and BN, without ReLU (Dong and Yang, NAS-Bench-201, ICLR 2020, Section 2.1)."""
    stem = b.within(origins.STEM, config.channels)
    x = stem.norm(stem.conv(image, "conv", 3, config.stem_stride))
    return Stem(x, x, reduced=False)


def residual_reduction(b: Block, x: str) -> str:
    """Twice ReLU, 3x3 conv and BN, the first of stride 2, plus a 2x2 average pool and a 1x1 conv without BN.

    Dong and Yang, NAS-Bench-201, Section 2.1 and Figure 1; the order of the operations is that of the program.
    """
    height, width = b.builder.shape(x)[1:]
    if height % 2 or width % 2:
        raise NetworkError(
            f"{b.origin}: the residual block of skeleton 'nas-bench-201' halves maps of even height and width, found "
            f"{height}x{width}; choose an input size that 4 divides"
        )
    y = b.norm(b.conv(b.relu(x, "relu1"), "conv1", 3, 2), "bn1")
    y = b.norm(b.conv(b.relu(y, "relu2"), "conv2", 3), "bn2")
    return b.add(b.conv(b.pool(x, "pool", AvgPool(kernel=2, stride=2)), "shortcut", 1), y)


def bn_relu(b: Block, x: str) -> str:
    """BN, ReLU: what the last cell of sums lacks."""
    return b.relu(b.norm(x))


SKELETONS: dict[str, Skeleton] = {
    "cifar": Skeleton(
        defaults={
            "channels": 36, "layers": 20, "classes": 10, "input_size": (32, 32), "stem_stride": 1, "auxiliary_bn": True
        },
        stem=cifar_stem,
        stem_strides=(1, 2),
        auxiliary_stride=3,
    ),
    "imagenet": Skeleton(
        defaults={
            "channels": 48, "layers": 14, "classes": 1000, "input_size": (224, 224), "stem_stride": 8,
            "auxiliary_bn": False,
        },
        stem=imagenet_stem,
        stem_strides=(2, 4, 8),
        auxiliary_stride=2,
    ),
    "nas-bench-201": Skeleton(
        defaults={"channels": 16, "layers": 17, "classes": 10, "input_size": (32, 32), "stem_stride": 1},
        stem=nas_bench_201_stem,
        stem_strides=(1,),
        auxiliary_stride=None,
        inputs=1,
        reduction=residual_reduction,
        tail=bn_relu,
    ),
}  # fmt: skip
