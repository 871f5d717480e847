"""What is zero in every image: found in a graph, and left out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from genocc.graph import Graph, Node
from genocc.passes.base import LazyArray, Parameters, Rewriter
from genocc.primitives import (
    Add,
    BatchNorm,
    Concat,
    Conv2d,
    DropPath,
    GlobalMean,
    Linear,
    Normalize,
    Pool,
    Primitive,
    Relu,
    ShiftPad,
    Slice,
    Zero,
    keeps_zero,
)

if TYPE_CHECKING:
    from genocc.passes.base import Array

Ranges = tuple[tuple[int, int], ...]
"""Channels that may be other than zero, as (start, stop), in order."""


def without_zeros(graph: Graph, parameters: Parameters) -> tuple[Graph, Parameters]:
    """Returns the graph without what zeros need; the same objects if it has none of that."""
    if not any(isinstance(node.primitive, Zero) for node in graph.nodes.values()):
        return graph, parameters
    found = _Zeros(graph)
    changed = {node.name for node in graph.nodes.values() if found.can_change(node)}
    if not changed:
        return graph, parameters
    rewriter = Rewriter(graph, parameters)
    return rewriter.replace(dict.fromkeys(changed, partial(_replace, rewriter, found)))


class _Zeros:
    """Where a graph is zero.

    Attributes:
        ranges: Of the channels of each value that may be other than zero.
        sizes: Value -> the earliest value, and the stride from it, that gives its size.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.ranges: dict[str, Ranges] = {}
        self.sizes: dict[str, tuple[str, tuple[int, int]]] = {}
        for node in graph.nodes.values():
            self.ranges[node.name] = self._ranges(node)
            self.sizes[node.name] = self._size(node)

    def is_zero(self, value: str) -> bool:
        return not self.ranges[value]

    def is_partly_zero(self, value: str) -> bool:
        kept = sum(stop - start for start, stop in self.ranges[value])
        return 0 < kept < self.graph.nodes[value].shape[0]

    def can_change(self, node: Node) -> bool:
        if self.is_zero(node.name):
            zero = self.zero(node)
            return zero is not None and (node.primitive, node.inputs) != (zero[0], (zero[1],))
        if isinstance(node.primitive, Add):
            return any(map(self.is_zero, node.inputs))
        return _reads_all_channels(node.primitive) and self.is_partly_zero(node.inputs[0])

    def zero(self, node: Node) -> tuple[Zero, str] | None:
        """The primitive, and what it reads, that gives a value's zeros at once; None for a size that none gives."""
        source, stride = self.sizes[node.name]
        if len(node.shape) != 3 or source == node.name:
            return None
        return Zero(node.shape[0], stride), source

    def _ranges(self, node: Node) -> Ranges:
        """What is not known to be zero counts as other than zero; drop path too, so that training draws the same."""
        whole = ((0, node.shape[0]),)
        if isinstance(node.primitive, Zero):
            return ()
        if not node.inputs:
            return whole
        if keeps_zero(node.primitive) and not node.primitive.random and all(map(self.is_zero, node.inputs)):
            return ()
        if isinstance(node.primitive, Concat):
            found: list[tuple[int, int]] = []
            at = 0
            for value in node.inputs:
                found += [(at + start, at + stop) for start, stop in self.ranges[value]]
                at += self.graph.nodes[value].shape[0]
            return tuple(found)
        return self.ranges[node.inputs[0]] if _is_channelwise(node.primitive) else whole

    def _size(self, node: Node) -> tuple[str, tuple[int, int]]:
        step = _step(node.primitive) if node.inputs and len(node.shape) == 3 else None
        if step is None:
            return node.name, (1, 1)
        source, (down, right) = self.sizes[node.inputs[0]]
        return source, (down * step[0], right * step[1])


def _reads_all_channels(primitive: Primitive) -> bool:
    return isinstance(primitive, Linear) or (isinstance(primitive, Conv2d) and primitive.dense)


def _is_channelwise(primitive: Primitive) -> bool:
    """Whether it keeps channels apart and zero ones zero, and has no parameters."""
    return isinstance(primitive, (Relu, Pool, ShiftPad, GlobalMean))


def _step(primitive: Primitive) -> tuple[int, int] | None:
    """By what the output's size is smaller than the input's, rounded up; None if padding makes it another."""
    if isinstance(primitive, Zero):
        return primitive.stride
    if isinstance(primitive, Conv2d):
        top, left, bottom, right = primitive.pads
        reach = [primitive.dilation * (k - 1) for k in primitive.kernel]
        return primitive.stride if [top + bottom, left + right] == reach else None
    if isinstance(primitive, Pool):
        return (primitive.stride,) * 2 if 2 * primitive.padding == primitive.kernel - 1 else None
    same = (Relu, BatchNorm, Add, Concat, ShiftPad, Slice, DropPath, Normalize)
    return (1, 1) if isinstance(primitive, same) else None


def _replace(rewriter: Rewriter, zeros: _Zeros, node: Node) -> str:
    if zeros.is_zero(node.name):
        zero = zeros.zero(node)
        assert zero is not None
        return rewriter.emit(node.name, zero[0], rewriter.values[zero[1]])
    if isinstance(node.primitive, Add):
        values = [rewriter.values[value] for value in node.inputs if not zeros.is_zero(value)]
        return rewriter.emit(node.name, Add(), *values) if len(values) > 1 else values[0]
    value = node.inputs[0]
    arrays = {"weight": _columns(rewriter.parameters, node, zeros.ranges[value])}
    if f"{node.name}.bias" in node.parameters():
        arrays["bias"] = lambda: rewriter.parameters[f"{node.name}.bias"]
    return rewriter.emit(node.name, node.primitive, _nonzero(rewriter, zeros, value), **arrays)


def _nonzero(rewriter: Rewriter, zeros: _Zeros, value: str) -> str:
    """Returns the new value that has the channels of an old one that may be other than zero."""
    if not zeros.is_partly_zero(value):
        return rewriter.values[value]
    name, node = f"{value}.nonzero", rewriter.graph.nodes[value]
    if name in rewriter.nodes:
        return name
    parts = [_nonzero(rewriter, zeros, part) for part in node.inputs if not zeros.is_zero(part)]
    if isinstance(node.primitive, Concat) and len(parts) == 1:
        return parts[0]
    return rewriter.emit(name, node.primitive, *parts)


def _columns(parameters: Parameters, node: Node, ranges: Ranges) -> LazyArray:
    def array() -> Array:
        import numpy as np

        weight = parameters[f"{node.name}.weight"]
        return np.concatenate([weight[:, start:stop] for start, stop in ranges], axis=1)

    return array
