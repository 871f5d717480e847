"""Candidate operations of a super-net: the primitives of their recipes, computed on maps and lazy about BN.

One table, `LAZY`, beside that of target nets. A 1x1 convolution returns a `Product` and BN a
`Feature`, neither computed until somebody needs its pixels; the ReLU with which operations begin is that of the
`CellState` they read.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from genocc import origins
from genocc.graph import Graph, Node
from genocc.nn.depthwise import computes, depthwise
from genocc.nn.graph_module import module_tree
from genocc.nn.primitives import EMITTERS, BatchNorm2d, Emitters, SlicedConv2d, TorchOp
from genocc.operations import Block
from genocc.primitives import (
    Add,
    AvgPool,
    BatchNorm,
    Concat,
    Conv2d,
    Input,
    MaxPool,
    Pool,
    Relu,
    ShiftPad,
    Slice,
)

from .features import CellState, Feature, Product, normalize
from .maps import from_planes, planes, refold, unfold


class SuperNetBlock(Block):
    """Builds recipes for a super-net: BN without scale and shift, and after pools too (DARTS)."""

    affine = False

    def pool(self, x: str, name: str, pool: Pool) -> str:
        return self.norm(super().pool(x, name, pool), f"{name}_bn")


class OperationModule(nn.Module):
    """A graph of primitives, run lazily: from a `CellState` to a `Feature`.

    Args:
        graph: Of an operation or another recipe; one output.
        arrays: Parameters and buffers by name.
        origin: The prefix of the graph's names; parameters are registered without it.
    """

    def __init__(self, graph: Graph, arrays: Mapping[str, Any], origin: str) -> None:
        super().__init__()
        tree = module_tree(graph, arrays, LAZY)
        for name, module in (
            tree.get_submodule(origin).named_children() if graph.parameters() or graph.buffers() else ()
        ):
            self.add_module(name, module)
        self.input, (self.output,) = graph.input.name, graph.outputs.values()
        self.steps: list[tuple[str, Callable[..., Any], tuple[str, ...]]] = []
        for node in graph.nodes.values():
            if not isinstance(node.primitive, Input):
                op = LAZY[type(node.primitive)](node.primitive, node)
                if isinstance(op.target, type):
                    call: Callable[..., Any] = self.get_submodule(origins.below(node.name, origin))
                else:
                    call = partial(op.target, **op.arguments)
                self.steps.append((node.name, call, node.inputs))

    def forward(self, state: CellState) -> Feature:
        """Returns the operation's feature of a state."""
        (feature,) = together([self], state)
        return feature

    def stages(self, state: CellState) -> Generator[list[Feature], None, Feature]:
        """Computes the operation; yields the features that it reads next, and that need their statistics first."""
        values: dict[str, Any] = {self.input: state}
        for name, call, inputs in self.steps:
            arguments = [values[value] for value in inputs]
            if features := [value for value in arguments if isinstance(value, Feature)]:
                yield features
            values[name] = call(*arguments)
        output = values[self.output]
        return output if isinstance(output, Feature) else Feature(computed(output))


def together(operations: Sequence[OperationModule], state: CellState) -> list[Feature]:
    """Returns the features of operations of a state, computed side by side.

    Statistics that several of them need at the same point, in the midst of separable convolutions, are computed and
    exchanged between processes at once.
    """
    running = {number: operation.stages(state) for number, operation in enumerate(operations)}
    found: dict[int, Feature] = {}
    while running:
        waiting: list[Feature] = []
        for number, stages in list(running.items()):
            try:
                waiting += next(stages)
            except StopIteration as end:
                found[number] = end.value
                del running[number]
        normalize(waiting)
    return [found[number] for number in range(len(operations))]


@dataclass(frozen=True)
class Unfolded:
    """A map as a batch (N, C, H, W), for convolutions that need it so; ``folded`` is the map's F."""

    batch: Tensor
    folded: int


def computed(value: Any) -> Tensor:
    """Returns the map of a value, lazy or not."""
    if isinstance(value, CellState):
        return value.map
    if isinstance(value, Unfolded):
        return refold(value.batch, value.folded)
    result: Tensor = value.computed() if isinstance(value, (Product, Feature)) else value
    return result


def unfolded(value: Any) -> Unfolded:
    """Returns a value as a batch; that of a state is computed once."""
    if isinstance(value, CellState):
        result: Unfolded = value.once("unfolded", unfolded)
        return result
    if isinstance(value, Unfolded):
        return value
    map = computed(value)
    return Unfolded(unfold(map), map.shape[3])


class Pointwise(nn.Conv2d):
    """A dense 1x1 convolution without bias, left as a `Product` of the pixels that its stride keeps."""

    def forward(self, x: Any) -> Any:
        down, right = self.stride
        if isinstance(x, CellState) and (down, right) == (2, 2):
            map = x.thinned.map
        elif (down, right) == (1, 1):
            map = computed(x)
        else:
            map = computed(x)[:, ::down, ::right].contiguous()
        return Product(map, self.weight.flatten(1))


class Depthwise(nn.Conv2d):
    """A depthwise convolution without bias."""

    def forward(self, x: Any) -> Tensor:
        stride, dilation = self.stride[0], self.dilation[0]
        if isinstance(x, CellState) and stride == dilation == 2:  # reads every second row and column only
            x, stride, dilation = x.thinned, 1, 1
        map = computed(x)
        weight = self.weight.expand(map.shape[3], -1, -1, -1, -1).flatten(0, 1)  # the folded images share it
        return from_planes(depthwise(planes(map), weight, stride, dilation), map)


class LazyBatchNorm(BatchNorm2d):
    """BN, left as a `Feature`; only the running statistics live here."""

    def forward(self, x: Any) -> Any:
        if isinstance(x, Product) and x.weight.shape[0] >= x.weight.shape[1]:
            return Feature(x.map, x.weight, self)
        return Feature(computed(x), None, self)  # W z is narrower than z: cheaper to compute than to avoid


def relu(x: Any) -> Any:
    """Returns max(x, 0); that of a state is shared by all operations."""
    if isinstance(x, CellState):
        return x.rectified
    map = computed(x)
    return map.relu() if isinstance(x, Tensor) else functional.relu_(map)


def concat(*values: Any) -> Tensor:
    """Returns the maps side by side along the channels."""
    return torch.cat([computed(value) for value in values], -1)


def add(*values: Any) -> Tensor:
    """Returns the sum of maps."""
    return sum((computed(value) for value in values[1:]), start=computed(values[0]))


def channels(x: Any, start: int, stop: int) -> Tensor:
    """Returns channels ``start`` to ``stop`` of a map."""
    return computed(x)[..., start:stop].contiguous()


def on_planes(x: Any, function: Callable[..., Tensor], **arguments: Any) -> Tensor:
    """Returns a function of a map that treats each channel alone; see `planes`."""
    map = computed(x)
    return from_planes(function(planes(map), **arguments), map)


class Convolution(SlicedConv2d):
    """Any other convolution."""

    def forward(self, x: Any) -> Any:
        found = unfolded(x)
        return Unfolded(super().forward(found.batch), found.folded)


def _conv2d(conv: Conv2d, node: Node) -> TorchOp:
    usual = EMITTERS[Conv2d](conv, node)
    symmetric = conv.pads[:2] == conv.pads[2:]
    if conv.dense and conv.pixelwise and not conv.bias:
        return TorchOp(Pointwise, usual.arguments)
    if computes(conv, node.input_shapes[0][0]):
        return TorchOp(Depthwise, usual.arguments)
    if symmetric:
        return TorchOp(Convolution, usual.arguments)
    return usual


def _planewise(primitive: Any, node: Node) -> TorchOp:
    usual = EMITTERS[type(primitive)](primitive, node)
    return TorchOp(on_planes, {"function": usual.target, **usual.arguments})


LAZY: Emitters = {
    Conv2d: _conv2d,
    BatchNorm: lambda norm, node: TorchOp(LazyBatchNorm, EMITTERS[BatchNorm](norm, node).arguments),
    Relu: lambda _, node: TorchOp(relu),
    MaxPool: _planewise,
    AvgPool: _planewise,
    ShiftPad: _planewise,
    Concat: lambda _, node: TorchOp(concat),
    Add: lambda _, node: TorchOp(add),
    Slice: lambda part, node: TorchOp(channels, {"start": part.start, "stop": part.stop}),
}
"""The primitives that take maps to maps: all that a candidate operation may consist of."""
