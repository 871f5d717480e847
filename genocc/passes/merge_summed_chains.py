"""Edges that are summed, computed side by side as one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import TYPE_CHECKING

from genocc.graph import Graph, Node
from genocc.passes.arguments import argument
from genocc.passes.base import LazyArray, Parameters, Pass, Rewriter
from genocc.primitives import Add, Conv2d, Relu

if TYPE_CHECKING:
    from genocc.passes.base import Array

Chain = tuple[Node, ...]
"""The operators of a summand, from its 1x1 convolution upwards, none of which has other readers."""


@dataclass(frozen=True)
class MergeSummedChains(Pass):
    """The separable or dilated edges of a node that are built alike are one chain of operators, and their sum is free.

    1. conv(x; W1) + conv(y; W2) = conv(concat(x, y); [W1 W2]) for the 1x1 convolutions that end the edges.
    2. concat(f(x), f(y)) = f(concat(x, y)) for ReLU and, with the filters of both, for depthwise convolutions.
    3. concat(conv(x; W1), conv(y; W2)) = conv(concat(x, y); W1, W2 as two groups) for 1x1 convolutions between.
    4. A depthwise convolution is one of a larger kernel whose outer taps, or those between dilated ones, are zero.

    So a node that sums k separable edges has five convolutions and ReLUs instead of 5 k. Applied where calls and not
    copies are expensive: rules 1 to 3 on maps of fewer than ``pixels`` pixels per channel, rule 4 on those of less than
    one. Holds in inference only: training would move the zeros.

    Args:
        pixels: Maps with at least so many pixels for each of their channels stay as they are.
        reach: Side of the largest kernel that rule 4 makes.
    """

    name = "merge-summed-chains"
    grows = True

    pixels: int = argument(16, least=0)
    reach: int = argument(5, least=1)

    def rewrite(self, graph: Graph, parameters: Parameters) -> tuple[Graph, Parameters]:
        families = {node.name: found for node in graph.nodes.values() if (found := self._families(graph, node))}
        if not families:
            return graph, parameters
        merged = {node.name for found in families.values() for chains in found for chain in chains for node in chain}
        rewriter = Rewriter(graph, parameters)
        return rewriter.replace({name: partial(_merge, rewriter, found) for name, found in families.items()}, merged)

    def _families(self, graph: Graph, add: Node) -> list[list[Chain]]:
        """The summands that are built alike, cut to what they have in common."""
        channels, *size = add.shape
        if not isinstance(add.primitive, Add) or prod(size) >= self.pixels * channels:
            return []
        found: dict[object, list[Chain]] = defaultdict(list)
        for value in dict.fromkeys(add.inputs):
            chain = tuple(_chain(graph, value)) if add.inputs.count(value) == 1 else ()
            if len(chain) > 1 and _is_pointwise(chain[0]) and _is_depthwise(chain[1]):
                found[tuple(self._kind(node) for node in chain[:2])].append(chain)
        return [self._cut(chains) for chains in found.values() if len(chains) > 1]

    def _cut(self, chains: list[Chain]) -> list[Chain]:
        """The common part of the chains, up to their last depthwise convolution: above it are the states."""
        length = 0
        for count, nodes in enumerate(zip(*chains, strict=False), start=1):
            if len({self._kind(node) for node in nodes}) > 1:
                break
            if _is_depthwise(nodes[0]):
                length = count
        return [chain[:length] for chain in chains]

    def _kind(self, node: Node) -> object:
        """Key that two operators must share to be merged."""
        primitive, channels = node.primitive, node.input_shapes[0][0]
        if isinstance(primitive, Conv2d) and primitive.depthwise(node.input_shapes):
            small = prod(node.shape[1:]) < channels and _reach(primitive) <= self.reach
            if small and primitive.pads == (_reach(primitive) // 2,) * 4:
                return primitive.stride, primitive.bias, channels
        return primitive, channels


def _chain(graph: Graph, value: str) -> Iterator[Node]:
    """The operators above a value, as long as their outputs have no other readers."""
    node = graph.nodes[value]
    while graph.only_user(node.name) and (
        _is_pointwise(node) or _is_depthwise(node) or isinstance(node.primitive, Relu)
    ):
        yield node
        node = graph.nodes[node.inputs[0]]


def _merge(rewriter: Rewriter, families: list[list[Chain]], add: Node) -> str:
    gone = {chain[0].name for chains in families for chain in chains}
    rest = [rewriter.values[value] for value in add.inputs if value not in gone]
    alone = not rest and len(families) == 1
    values = []
    for chains in families:
        *above, ends = reversed(list(zip(*chains, strict=True)))
        name = f"{ends[0].name}.merged"
        x = rewriter.concat(f"{name}.concat", *(rewriter.values[chain[-1].inputs[0]] for chain in chains))
        for nodes in above:
            x = _side_by_side(rewriter, f"{nodes[0].name}.merged", nodes, x)
        values.append(_side_by_side(rewriter, add.name if alone else name, ends, x, summed=True))
    return values[0] if alone else rewriter.emit(add.name, Add(), *values, *rest)


def _side_by_side(rewriter: Rewriter, name: str, nodes: Sequence[Node], x: str, *, summed: bool = False) -> str:
    """One operator for several on the concat of their inputs; the concat of what they make, or its sum."""
    convs = [node.primitive for node in nodes if isinstance(node.primitive, Conv2d)]
    if not convs:
        return rewriter.emit(name, nodes[0].primitive, x)
    primitive = convs[0]
    weights = [_array(rewriter.parameters, f"{node.name}.weight") for node in nodes]
    if len(set(convs)) > 1:
        reach = max(map(_reach, convs))
        primitive = replace(primitive, kernel=(reach, reach), pads=(reach // 2,) * 4, dilation=1)
        weights = [_centred(weight, conv, reach) for weight, conv in zip(weights, convs, strict=True)]
    arrays = {"weight": _joined(weights, axis=1 if summed else 0)}
    if primitive.bias:
        biases = [_array(rewriter.parameters, f"{node.name}.bias") for node in nodes]
        arrays["bias"] = _total(biases) if summed else _joined(biases)
    if not summed:
        count = len(nodes)
        primitive = replace(primitive, channels=primitive.channels * count, groups=primitive.groups * count)
    return rewriter.emit(name, primitive, x, **arrays)


def _reach(conv: Conv2d) -> int:
    """The side of a convolution's window, its dilation included."""
    return conv.dilation * (max(conv.kernel) - 1) + 1


def _is_pointwise(node: Node) -> bool:
    return isinstance(node.primitive, Conv2d) and node.primitive.pointwise


def _is_depthwise(node: Node) -> bool:
    return isinstance(node.primitive, Conv2d) and node.primitive.depthwise(node.input_shapes)


def _array(parameters: Parameters, name: str) -> LazyArray:
    return lambda: parameters[name]


def _centred(filters: LazyArray, conv: Conv2d, reach: int) -> LazyArray:
    """A depthwise filter in the middle of a larger window, its dilation written out."""

    def array() -> Array:
        import numpy as np

        weight = filters()
        start = (reach - _reach(conv)) // 2
        taps = np.arange(weight.shape[-1]) * conv.dilation + start
        window = np.zeros((*weight.shape[:2], reach, reach), weight.dtype)
        window[..., taps[:, None], taps] = weight
        return window

    return array


def _joined(arrays: Sequence[LazyArray], axis: int = 0) -> LazyArray:
    def joined() -> Array:
        import numpy as np

        return np.concatenate([array() for array in arrays], axis=axis)

    return joined


def _total(arrays: Sequence[LazyArray]) -> LazyArray:
    return lambda: sum((array() for array in arrays[1:]), start=arrays[0]())
