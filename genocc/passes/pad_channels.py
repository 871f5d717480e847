"""Channels up to whole blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING

from genocc import origins
from genocc.graph import Graph, Node
from genocc.passes.arguments import argument
from genocc.passes.base import LazyArray, Parameters, Pass, Rewriter
from genocc.primitives import (
    Add,
    Concat,
    Conv2d,
    GlobalMean,
    Input,
    Linear,
    Normalize,
    Pool,
    Slice,
    Softmax,
    Zero,
)

if TYPE_CHECKING:
    from genocc.passes.base import Array

Layout = tuple[bool, ...]
"""An entry per channel of a padded value: whether it is a channel of the old value (in order) or zeros."""


@dataclass(frozen=True)
class PadChannels(Pass):
    """Convolutions make channels of zeros up to whole blocks, and their readers multiply those by zeros.

    1. conv(x; W) gets rows of zeros, [W; 0]; a convolution or linear layer that reads it columns of zeros, [V 0].
    2. Depthwise convolutions and BN get zeros too; relu, pools, shift_pad and add keep zeros zero; in a concat the
       zeros stand where each part ends.
    3. Where a concat of convolutions would have its zeros in the wrong places (the two halves of a factorized
       reduce), it becomes a sum: concat(conv(x; W), conv(y; V)) = conv(x; [W; 0]) + conv(y; [0; V]).
    4. A value that the graph returns, or adds to one that cannot be padded, stays as it is.

    Runtimes that keep channels in blocks (ONNX Runtime's NCHWc on CPU: 16 with AVX-512) then need no change of layout
    around concats and pools. Holds in inference only.

    Args:
        block: Channels become a multiple of it where a concat, a pool or a mean reads them.
        lanes: Channels become a multiple of it elsewhere.
        growth: Limit of the factor by which padding to lanes multiplies the parameters, and padding to blocks those
            again; a net beyond it is padded to lanes alone, or not at all.
    """

    name = "pad-channels"
    grows = True

    block: int = argument(16, least=1, most=1024)
    lanes: int = argument(4, least=1, most=1024)
    growth: float = argument(1.2, least=1)

    def rewrite(self, graph: Graph, parameters: Parameters) -> tuple[Graph, Parameters]:
        unpadded = graph, parameters
        lanes = _padded(*unpadded, _Plan(graph, self.lanes, self.lanes))
        blocks = _padded(*unpadded, _Plan(graph, self.block, self.lanes))
        if _size(lanes) > self.growth * _size(unpadded):
            return unpadded
        return lanes if _size(blocks) > self.growth * _size(lanes) else blocks


class _Plan:
    """The layout of every value, found by padding every convolution and giving in where that does not fit.

    Attributes:
        layouts: By value.
        summed: Concats that become sums (rule 3).
        plain: Convolutions, and concats of them, that are not padded (rule 4).
    """

    def __init__(self, graph: Graph, block: int, lanes: int) -> None:
        self.graph = graph
        self.layouts: dict[str, Layout] = {}
        self.summed: set[str] = set()
        self.plain: set[str] = set()
        in_blocks = _read_in_blocks(graph)
        self.multiple = {name: block if name in in_blocks else lanes for name in graph.nodes}
        while misfit := self._infer():
            sources = list(self._sources(misfit))
            halves = {user.name for name in sources if (user := graph.only_user(name)) and self._can_be_summed(user)}
            if new := halves - self.summed - self.plain:
                self.summed |= new
            else:
                assert not self.plain.issuperset(sources), f"nothing is left to give in for {misfit}"  # or no end
                for name in sources:
                    self.plain.update((name, *graph.nodes[name].inputs) if name in self.summed else (name,))
                self.summed -= self.plain

    def _infer(self) -> tuple[str, ...]:
        """Fills in the layouts; returns the values that do not fit where they are read, if there are any."""
        for node in self.graph.nodes.values():
            inputs = [self.layouts[value] for value in node.inputs]
            if not _fits(node, inputs):
                return node.inputs
            self.layouts[node.name] = self._layout(node, inputs)
        return tuple(value for value in self.graph.outputs.values() if not all(self.layouts[value]))

    def _layout(self, node: Node, inputs: list[Layout]) -> Layout:
        primitive, channels = node.primitive, node.shape[0]
        if isinstance(primitive, (Input, Linear, Zero)) or node.name in self.plain:
            return (True,) * channels
        if node.name in self.summed:
            return self._filled(node, channels)
        if (groups := _groups(node)) > 1:
            return self._filled(node, channels // groups) * groups
        if _is_dense(node):
            user = self.graph.only_user(node.name)
            return self._half(node, user) if user and user.name in self.summed else self._whole(node)
        if isinstance(primitive, Concat):
            return sum(inputs, ())
        if isinstance(primitive, Slice):
            return inputs[0][_position(inputs[0], primitive.start) : _position(inputs[0], primitive.stop)]
        return inputs[0]

    def _filled(self, node: Node, channels: int) -> Layout:
        return (True,) * channels + (False,) * (-channels % self.multiple[node.name])

    def _whole(self, conv: Node) -> Layout:
        """Zeros at the end; where nothing but slices of the output is read, at the end of each slice."""
        slices = [user.primitive for user in self.graph.users[conv.name]]
        bounds = {0, conv.shape[0]}
        if all(isinstance(part, Slice) for part in slices):
            bounds.update(bound for part in slices if isinstance(part, Slice) for bound in (part.start, part.stop))
        ordered = sorted(bounds)
        lengths = (stop - start for start, stop in pairwise(ordered))
        return sum((self._filled(conv, length) for length in lengths), ())

    def _half(self, conv: Node, concat: Node) -> Layout:
        """Zeros in the place of the other parts of a concat that becomes a sum."""
        own = concat.inputs.index(conv.name)
        parts = ((number == own,) * self.graph.nodes[value].shape[0] for number, value in enumerate(concat.inputs))
        layout: Layout = sum(parts, ())
        return layout + (False,) * (-len(layout) % self.multiple[concat.name])

    def _sources(self, values: Iterable[str]) -> Iterator[str]:
        """The convolutions (not depthwise), and the concats that become sums, that decide the layout of some values."""
        waiting, seen = list(values), set()
        while waiting:
            node = self.graph.nodes[waiting.pop()]
            if node.name in seen:
                continue
            seen.add(node.name)
            if node.name in self.summed or _is_dense(node) or _groups(node) > 1:
                yield node.name
            elif not isinstance(node.primitive, (Linear, Zero)):
                waiting += node.inputs

    def _can_be_summed(self, node: Node) -> bool:
        return isinstance(node.primitive, Concat) and all(
            _is_dense(self.graph.nodes[value]) and self.graph.only_user(value) for value in node.inputs
        )


def _read_in_blocks(graph: Graph) -> set[str]:
    """The values that have the layout of one that a concat, a slice, a pool or a mean reads or makes."""
    group = {name: name for name in graph.nodes}

    def root(value: str) -> str:
        while group[value] != value:
            value = group[value]
        return value

    wanted: set[str] = set()
    for node in graph.nodes.values():
        if isinstance(node.primitive, (Concat, Slice, Pool, GlobalMean)):
            wanted.update((node.name, *node.inputs))
        if not isinstance(node.primitive, (Concat, Slice, Linear, Zero)) and not _is_dense(node):
            for value in node.inputs:
                group[root(value)] = root(node.name)
    roots = {root(value) for value in wanted}
    return {name for name in graph.nodes if root(name) in roots}


def _is_dense(node: Node) -> bool:
    return isinstance(node.primitive, Conv2d) and node.primitive.dense


def _fits(node: Node, inputs: list[Layout]) -> bool:
    primitive = node.primitive
    if isinstance(primitive, Add):
        return len(set(inputs)) == 1
    if (groups := _groups(node)) > 1:
        return len(inputs[0]) % groups == 0 and len(set(_segments(inputs[0], groups))) == 1
    return all(map(all, inputs)) if isinstance(primitive, (Normalize, Softmax)) else True


def _groups(node: Node) -> int:
    """The groups of a convolution that is neither dense nor depthwise; else 1."""
    conv = node.primitive
    return conv.groups if isinstance(conv, Conv2d) and not conv.depthwise(node.input_shapes) else 1


def _segments(layout: Layout, groups: int) -> list[Layout]:
    """The inputs of each group of a convolution."""
    length = len(layout) // groups
    return [layout[start : start + length] for start in range(0, length * groups, length)]


def _position(layout: Layout, channel: int) -> int:
    """New index of an old channel, or of the one after the last; zeros belong to the channel before them."""
    positions = [position for position, real in enumerate(layout) if real]
    return positions[channel] if channel < len(positions) else len(layout)


def _padded(graph: Graph, parameters: Parameters, plan: _Plan) -> tuple[Graph, Parameters]:
    if not plan.summed and all(map(all, plan.layouts.values())):
        return graph, parameters
    rewriter = Rewriter(graph, parameters)
    return rewriter.replace(dict.fromkeys(graph.nodes, partial(_pad, rewriter, plan)))


def _pad(rewriter: Rewriter, plan: _Plan, node: Node) -> str:
    values = [rewriter.values[value] for value in node.inputs]
    layout, primitive = plan.layouts[node.name], node.primitive
    before = plan.layouts[node.inputs[0]] if node.inputs else ()
    if node.name in plan.summed:
        primitive = Add()
    elif isinstance(primitive, Conv2d):
        groups = len(layout) if primitive.depthwise(node.input_shapes) else primitive.groups
        primitive = replace(primitive, channels=len(layout), groups=groups)
    elif isinstance(primitive, Slice):
        primitive = Slice(_position(before, primitive.start), _position(before, primitive.stop))
    columns = before if _is_dense(node) or isinstance(primitive, Linear) else (True,)
    if (groups := _groups(node)) > 1:
        columns = _segments(before, groups)[0]
    tensors = {**node.parameters(), **node.buffers()} if not all(layout + columns) else {}
    arrays = {origins.role(name): _spread(rewriter.parameters, name, layout, columns) for name in tensors}
    return rewriter.emit(node.name, primitive, *values, **arrays)


def _spread(parameters: Parameters, name: str, rows: Layout, columns: Layout) -> LazyArray:
    """The array with rows (and columns, of a weight) of zeros put in; of ones in a running variance."""

    def array() -> Array:
        import numpy as np

        old = parameters[name]
        shape = (len(rows), len(columns), *old.shape[2:]) if old.ndim > 1 else (len(rows),)
        new = np.full(shape, 1 if name.endswith(".running_var") else 0, old.dtype)
        new[np.ix_(rows, columns) if old.ndim > 1 else np.array(rows)] = old
        return new

    return array


def _size(net: tuple[Graph, Parameters]) -> int:
    return sum(map(prod, net[0].parameters().values()))
