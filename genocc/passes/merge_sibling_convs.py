"""Convolutions side by side."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from genocc.graph import Graph, Node
from genocc.passes.base import LazyArray, Parameters, Pass, Rewriter
from genocc.primitives import Conv2d, Slice

if TYPE_CHECKING:
    from genocc.passes.base import Array


class MergeSiblingConvs(Pass):
    """Convolutions of one value and one geometry are one wider convolution, whose output is sliced.

    1. Dense: conv(x; W1), conv(x; W2) = slices of conv(x; [W1; W2]). So are the two 1x1 convolutions that preprocess
       one cell output for the next two cells, once share-common-subexpressions has given them one ReLU.
    2. Depthwise: conv(x; w1), conv(x; w2) = slices of conv(concat(x, x); [w1; w2]), for the depthwise convolutions
       of one kernel, stride and dilation on one state.

    It saves calls where calls are expensive, at the price of the slices. Holds in training too.
    """

    name = "merge-sibling-convs"
    training = True

    def rewrite(self, graph: Graph, parameters: Parameters) -> tuple[Graph, Parameters]:
        siblings: dict[object, list[Node]] = defaultdict(list)
        for node in graph.nodes.values():
            conv = node.primitive
            if isinstance(conv, Conv2d) and (conv.dense or conv.depthwise(node.input_shapes)):
                geometry = replace(conv, channels=0, groups=0, bias=False)
                siblings[node.inputs, geometry, conv.dense].append(node)
        families = {members[0].name: members for members in siblings.values() if len(members) > 1}
        merged = {member.name for members in families.values() for member in members}
        if not merged:
            return graph, parameters
        rewriter = Rewriter(graph, parameters)
        return rewriter.replace({name: partial(_merge, rewriter, found) for name, found in families.items()}, merged)


def _merge(rewriter: Rewriter, members: list[Node], first: Node) -> str:
    """Appends the wide convolution and the slices of all members, and returns that of the first."""
    biased = any(_has(member, "bias") for member in members)
    assert isinstance(first.primitive, Conv2d)
    x, channels = rewriter.values[first.inputs[0]], sum(member.shape[0] for member in members)
    wide = replace(first.primitive, channels=channels, bias=biased)
    if not first.primitive.dense:
        x = rewriter.concat(f"{first.name}.repeated", *[x] * len(members))
        wide = replace(wide, groups=channels)
    roles = ("weight", "bias") if biased else ("weight",)
    arrays = {role: _stacked(rewriter.parameters, members, role) for role in roles}
    merged = rewriter.emit(f"{first.name}.merged", wide, x, **arrays)
    start = 0
    for member in members:
        stop = start + member.shape[0]
        rewriter.values[member.name] = rewriter.emit(member.name, Slice(start, stop), merged)
        start = stop
    return rewriter.values[first.name]


def _has(conv: Node, role: str) -> bool:
    return f"{conv.name}.{role}" in conv.parameters()


def _stacked(parameters: Parameters, members: list[Node], role: str) -> LazyArray:
    """The members' tensors one after the other, with zeros for a bias that one of them lacks."""

    def array() -> Array:
        import numpy as np

        dtype = parameters[f"{members[0].name}.weight"].dtype
        return np.concatenate(
            [
                parameters[f"{member.name}.{role}"] if _has(member, role) else np.zeros(member.shape[0], dtype)
                for member in members
            ]
        )

    return array
