"""Sums of convolutions."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from genocc.graph import Graph, Node
from genocc.passes.base import LazyArray, Parameters, Pass, Rewriter
from genocc.primitives import Add, Conv2d

if TYPE_CHECKING:
    from genocc.passes.base import Array


class MergeSummedConvs(Pass):
    """A sum of 1x1 convolutions is one 1x1 convolution, so that the addition happens inside it.

    1. conv(x; W1) + conv(y; W2) = conv(concat(x, y); [W1 W2]), both 1x1 with stride 1. So are those that end the
       separable and dilated edges of a node.
    2. conv(x; W1) + conv(x; W2) = conv(x; W1 + W2), of any kernel and stride: an operation that occurs twice between
       a node and a state is computed once.
    3. The bias is the sum of the biases.

    Convolutions that have other readers stay as they are. Holds in training too.
    """

    name = "merge-summed-convs"
    training = True

    def rewrite(self, graph: Graph, parameters: Parameters) -> tuple[Graph, Parameters]:
        families: dict[str, list[list[Node]]] = {}
        for node in graph.nodes.values():
            if isinstance(node.primitive, Add) and (found := _families(graph, node)):
                families[node.name] = found
        if not families:
            return graph, parameters
        merged = {conv.name for found in families.values() for convs in found for conv in convs}
        rewriter = Rewriter(graph, parameters)
        return rewriter.replace({name: partial(_merge, rewriter, found) for name, found in families.items()}, merged)


def _families(graph: Graph, add: Node) -> list[list[Node]]:
    """The summands that can be merged: pointwise, or of one input and geometry, and without other readers."""
    found: dict[object, list[Node]] = defaultdict(list)
    for value in add.inputs:
        conv = graph.nodes[value]
        if isinstance(conv.primitive, Conv2d) and conv.primitive.dense and graph.only_user(value):
            inputs = None if conv.primitive.pointwise else conv.inputs
            found[replace(conv.primitive, bias=False), inputs].append(conv)
    return [convs for convs in found.values() if len(convs) > 1]


def _merge(rewriter: Rewriter, families: list[list[Node]], add: Node) -> str:
    rest = [value for value in add.inputs if all(value != conv.name for convs in families for conv in convs)]
    if len(families) == 1 and not rest:
        return _conv(rewriter, add.name, families[0])
    names = (f"{add.name}.merged{number}" for number in range(len(rewriter.graph.nodes)))
    free = (name for name in names if name not in rewriter.graph.nodes)
    convs = [_conv(rewriter, next(free), family) for family in families]
    values = [rewriter.values[value] for value in rest]
    return rewriter.emit(add.name, Add(), *convs, *values)


def _conv(rewriter: Rewriter, name: str, members: list[Node]) -> str:
    by_input: dict[str, list[Node]] = defaultdict(list)
    for member in members:
        by_input[rewriter.values[member.inputs[0]]].append(member)
    x = rewriter.concat(f"{name}.concat", *by_input) if len(by_input) > 1 else next(iter(by_input))
    primitive = members[0].primitive
    assert isinstance(primitive, Conv2d)
    biased = [member for member in members if f"{member.name}.bias" in member.parameters()]
    arrays = {"weight": _weight(rewriter.parameters, list(by_input.values()))}
    if biased:
        arrays["bias"] = _sum(rewriter.parameters, biased, "bias")
    return rewriter.emit(name, replace(primitive, bias=bool(biased)), x, **arrays)


def _weight(parameters: Parameters, families: list[list[Node]]) -> LazyArray:
    def array() -> Array:
        import numpy as np

        return np.concatenate([_sum(parameters, family, "weight")() for family in families], axis=1)

    return array


def _sum(parameters: Parameters, members: list[Node], role: str) -> LazyArray:
    def array() -> Array:
        import numpy as np

        total: Array = np.sum([parameters[f"{member.name}.{role}"] for member in members], axis=0)
        return total

    return array
