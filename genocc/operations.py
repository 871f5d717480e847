"""The candidate operations, each defined once, as a recipe over primitives.

Nets, ONNX, counts, diagrams, imports and tests follow from this table. To add an operation, write (or reuse) a
recipe and add one line to ``OPERATIONS``. Another package registers one as an entry point, loaded when its name
is looked up or all are listed; `register` adds one to a running program.

Every recipe keeps the channels C of its block, works with stride 1 and 2, has convolutions without bias, and halves
odd sizes upward. The set is that of the DARTS program and of EnTranNAS, Appendix A, Table 8.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from genocc import plugins, primitives
from genocc.errors import GenoccError, NetworkError, did_you_mean
from genocc.graph import Graph, GraphBuilder
from genocc.origins import Place
from genocc.primitives import (
    Add,
    AvgPool,
    BatchNorm,
    Concat,
    Conv2d,
    GlobalMean,
    Input,
    Linear,
    MaxPool,
    Pool,
    Relu,
    ShiftPad,
    Zero,
)

NONE = "none"
"""The operation whose result is zero: a candidate in search spaces, and in a genotype the only edge of a node."""


class Block:
    """Target of a recipe: a graph under construction, the origin that prefixes its names, and C."""

    affine = True
    """Whether BN has a trained scale and shift: true in target nets; a super-net's block says otherwise."""

    def __init__(self, builder: GraphBuilder, origin: str, channels: int) -> None:
        self.builder = builder
        self.origin = origin
        self.channels = channels

    def relu(self, x: str, name: str = "relu") -> str:
        return self.builder.add(f"{self.origin}.{name}", Relu(), x)

    def conv(
        self,
        x: str,
        name: str,
        kernel: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        *,
        dilation: int = 1,
        channels: int | None = None,
        groups: int = 1,
        padded: bool = True,
    ) -> str:
        """A convolution without bias, padded so that stride 1 keeps the size (or not padded at all)."""
        size = (kernel, kernel) if isinstance(kernel, int) else kernel
        steps = (stride, stride) if isinstance(stride, int) else stride
        top, left = (dilation * (k - 1) // 2 if padded else 0 for k in size)
        conv = Conv2d(channels or self.channels, size, steps, (top, left, top, left), dilation, groups)
        return self.builder.add(f"{self.origin}.{name}", conv, x)

    def depthwise(self, x: str, name: str, kernel: int, stride: int = 1, dilation: int = 1) -> str:
        return self.conv(x, name, kernel, stride, dilation=dilation, groups=self.channels)

    def norm(self, x: str, name: str = "bn") -> str:
        return self.builder.add(f"{self.origin}.{name}", BatchNorm(affine=self.affine), x)

    def pool(self, x: str, name: str, pool: Pool) -> str:
        return self.builder.add(f"{self.origin}.{name}", pool, x)

    def shift(self, x: str, name: str = "shift") -> str:
        return self.builder.add(f"{self.origin}.{name}", ShiftPad(), x)

    def concat(self, *values: str, name: str = "concat") -> str:
        """The values side by side; one value stays as it is."""
        return self.builder.add(f"{self.origin}.{name}", Concat(), *values) if len(values) > 1 else values[0]

    def add(self, *values: str, name: str = "add") -> str:
        """The sum of the values; one value stays as it is."""
        return self.builder.add(f"{self.origin}.{name}", Add(), *values) if len(values) > 1 else values[0]

    def mean(self, x: str, name: str = "mean") -> str:
        return self.builder.add(f"{self.origin}.{name}", GlobalMean(), x)

    def zero(self, x: str, stride: int, name: str = "zero") -> str:
        """Zeros for each image of x, of the block's channels and of x' size over the stride."""
        return self.builder.add(f"{self.origin}.{name}", Zero(self.channels, (stride, stride)), x)

    def linear(self, x: str, name: str, features: int) -> str:
        return self.builder.add(f"{self.origin}.{name}", Linear(features), x)

    def within(self, part: str | Place, channels: int | None = None) -> Block:
        """A block of the same kind whose origin is longer by ``part``: from that of a net, any place of the net."""
        origin = f"{self.origin}.{part}" if self.origin else str(part)
        return type(self)(self.builder, origin, channels or self.channels)


Recipe = Callable[[Block, str, int], str]
"""(block, input value, stride) -> output value of C channels."""


def relu_conv_bn(kernel: int) -> Recipe:
    """ReLU, dense convolution, BN; with kernel 1 also the preprocessing of a cell's inputs."""

    def recipe(b: Block, x: str, stride: int) -> str:
        return b.norm(b.conv(b.relu(x), "conv", kernel, stride))

    return recipe


def factorized_reduce(b: Block, x: str) -> str:
    """Stride 2 without losing pixels: two 1x1 convs of stride 2 to C/2 each, the second one shifted by (1,1)."""
    if b.channels % 2:
        raise NetworkError(
            f"{b.origin}: a factorized reduce splits its channels in two, found {b.channels}; choose an even number"
        )
    x, half = b.relu(x), b.channels // 2
    first = b.conv(x, "conv1", 1, 2, channels=half)
    second = b.conv(b.shift(x), "conv2", 1, 2, channels=half)
    return b.norm(b.concat(first, second))


def zero(b: Block, x: str, stride: int) -> str:
    """Zeros."""
    return b.zero(x, stride)


def skip(b: Block, x: str, stride: int) -> str:
    """The state itself; with stride 2 a factorized reduce."""
    return x if stride == 1 else factorized_reduce(b, x)


def pool(kind: type[Pool]) -> Recipe:
    """A 3x3 pool with padding 1; an average leaves the padding out of the count."""

    def recipe(b: Block, x: str, stride: int) -> str:
        return b.pool(x, "pool", kind(kernel=3, stride=stride, padding=1))

    return recipe


def separable(kernel: int) -> Recipe:
    """Twice ReLU, depthwise, 1x1, BN; the first of the two has the stride."""

    def recipe(b: Block, x: str, stride: int) -> str:
        for part, step in (("1", stride), ("2", 1)):
            x = b.depthwise(b.relu(x, f"relu{part}"), f"dw{part}", kernel, step)
            x = b.norm(b.conv(x, f"pw{part}", 1), f"bn{part}")
        return x

    return recipe


def dilated(kernel: int) -> Recipe:
    """ReLU, depthwise of dilation 2, 1x1, BN."""

    def recipe(b: Block, x: str, stride: int) -> str:
        x = b.depthwise(b.relu(x), "dw", kernel, stride, dilation=2)
        return b.norm(b.conv(x, "pw", 1))

    return recipe


def rectangular(k: int) -> Recipe:
    """ReLU, conv (1,k) of stride (1,s), conv (k,1) of stride (s,1), BN."""

    def recipe(b: Block, x: str, stride: int) -> str:
        x = b.conv(b.relu(x), "conv1", (1, k), (1, stride))
        return b.norm(b.conv(x, "conv2", (k, 1), (stride, 1)))

    return recipe


@dataclass(frozen=True)
class Operation:
    """A candidate operation.

    Attributes:
        name: As in the DARTS code and in genotype files: letters, digits, underscores and hyphens.
        recipe: Writes its graph.
        color: What its edges are drawn in, as #rrggbb: a hue for each family, darker for larger kernels, 3:1 or
            more against white, and told from all others by colour-blind readers.
        dash: How its edges are drawn so that families differ in black and white: solid, dashed, dotted, or bold.
        aliases: Other names that texts in the wild use for exactly this operation.
        arrow: The arrowhead (a Graphviz name) that tells members of a family apart in black and white: ``dot``,
            ``normal``, ``empty`` and ``diamond`` for kernels of 1, 3, 5 and 7.

    Raises:
        GenoccError: The name has other characters.
    """

    name: str
    recipe: Recipe
    color: str
    dash: str
    aliases: tuple[str, ...] = ()
    arrow: str = "normal"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w-]+", self.name):
            raise GenoccError(
                f"operation {self.name!r}: expected a name of letters, digits, underscores and hyphens, since values "
                "and tensors are named after it; rename it"
            )

    def lower(self, block: Block, x: str, stride: int) -> str:
        """Writes the operation into a graph and returns its output value."""
        return self.recipe(block, x, stride)

    def graph(self, channels: int, stride: int = 1, size: int = 8) -> Graph:
        """Returns the operation alone, on a map of C channels: what tables and tests look at."""
        builder = GraphBuilder()
        image = builder.add("x", Input(channels, size, size))
        return builder.build(y=self.lower(Block(builder, self.name, channels), image, stride))


OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        Operation(NONE, zero, "#bbbbbb", "dotted", arrow="none"),
        Operation("skip_connect", skip, "#6e6e6e", "dashed", arrow="vee"),
        Operation("max_pool_3x3", pool(MaxPool), "#b03a00", "dotted"),
        Operation("avg_pool_3x3", pool(AvgPool), "#c48a00", "dotted", arrow="empty"),
        Operation("sep_conv_3x3", separable(3), "#2f95d8", "solid"),
        Operation("sep_conv_5x5", separable(5), "#0060a8", "solid", arrow="empty"),
        Operation("sep_conv_7x7", separable(7), "#2a1a6e", "solid", arrow="diamond"),
        Operation("dil_conv_3x3", dilated(3), "#009e73", "dashed"),
        Operation("dil_conv_5x5", dilated(5), "#004d38", "dashed", arrow="empty"),
        Operation("conv_1x1", relu_conv_bn(1), "#cc79a7", "bold", arrow="dot"),
        Operation("conv_3x3", relu_conv_bn(3), "#8a1c5c", "bold"),
        Operation("conv_1x3_3x1", rectangular(3), "#9a8a4a", "bold", ("conv_3x1_1x3",), "normaltee"),
        Operation("conv_1x5_5x1", rectangular(5), "#6a5d3a", "bold", ("conv_5x1_1x5",), "emptytee"),
        Operation("conv_1x7_7x1", rectangular(7), "#3a2c05", "bold", ("conv_7x1_1x7",), "diamondtee"),
    )
}


BUILT_IN = frozenset(OPERATIONS)

GROUP = "genocc.operations"
"""Entry-point group in which packages register their operations, each under its name."""


def get(name: str) -> Operation:
    """Returns an operation by its name.

    Raises:
        GenoccError: There is none of that name; the message offers the closest. Or it is of another package and
            cannot be loaded.
    """
    if not exists(name):
        raise GenoccError(f"unknown operation '{name}'; {suggestion(name)}")
    return OPERATIONS[name]


def exists(name: str) -> bool:
    """Whether there is an operation of this name; one of another package is loaded. Raises GenoccError as `get`."""
    if name not in OPERATIONS and name in plugins.names(GROUP):
        operation: Operation = plugins.load(GROUP, name, Operation)
        if operation.name != name:
            raise GenoccError(f"entry point '{name}' of '{GROUP}' is operation '{operation.name}'; expected one name")
        register(operation)
    return name in OPERATIONS


def all_operations() -> Mapping[str, Operation]:
    """Returns all operations by name, those of other packages included. Raises GenoccError if one cannot be loaded."""
    for name in plugins.names(GROUP):
        if name in BUILT_IN:
            raise GenoccError(f"entry point '{name}' of '{GROUP}' has the name of an operation of genocc; rename it")
        exists(name)
    return OPERATIONS


def suggestion(name: str) -> str:
    """Returns the end of a message about an unknown operation."""
    return did_you_mean(name, (*OPERATIONS, *plugins.names(GROUP)), otherwise="`genocc ops` lists them")


def register(operation: Operation) -> Operation:
    """Adds an operation of another package; nets, ONNX, counts and diagrams follow.

    Raises:
        GenoccError: The name is taken.
    """
    if operation.name in OPERATIONS:
        raise GenoccError(f"operation '{operation.name}' exists already; choose another name")
    OPERATIONS[operation.name] = operation
    return operation


def keeps_zero(name: str) -> bool:
    """Whether an operation makes nothing but zeros of zeros, for any weights: skips and pools, but no BN."""
    nodes = get(name).graph(4).nodes.values()
    return all(primitives.keeps_zero(node.primitive) for node in nodes if not isinstance(node.primitive, Input))


def describe(operation: Operation) -> dict[str, Any]:
    """Returns an operation's row in tables, read off its graph: kernel, parameters as a formula of C, drawing style."""
    return {
        "name": operation.name,
        "kernel": _kernel(operation),
        "parameters": _formula(operation, 1),
        "parameters_stride_2": _formula(operation, 2),
        "color": operation.color,
        "dash": operation.dash,
        "arrow": operation.arrow,
        "aliases": list(operation.aliases),
    }


def _kernel(operation: Operation) -> str:
    found: dict[str, None] = {}
    for node in operation.graph(2).nodes.values():
        if isinstance(node.primitive, Conv2d):
            height, width = node.primitive.kernel
            dilation = f" dilation {node.primitive.dilation}" if node.primitive.dilation > 1 else ""
            found[f"{height}x{width}{dilation}"] = None
        elif isinstance(node.primitive, Pool):
            found[f"{node.primitive.kernel}x{node.primitive.kernel}"] = None
    spatial = [kernel for kernel in found if kernel != "1x1"]
    return ", ".join(spatial or found) or "-"


def _formula(operation: Operation, stride: int) -> str:
    """Parameters as a polynomial of C: every recipe's count is quadratic, so three values determine it."""
    two, four, six = (sum(map(prod, operation.graph(c, stride).parameters().values())) for c in (2, 4, 6))
    square = (six - 2 * four + two) // 8
    linear = (four - two) // 2 - 6 * square
    terms = [
        f"{'' if factor == 1 else factor}{power}" for factor, power in ((square, "C\u00b2"), (linear, "C")) if factor
    ]
    return " + ".join(terms) or "0"
