"""Factorized reduces as one convolution."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from genocc.graph import Graph, Node
from genocc.passes.base import LazyArray, Parameters, Pass, Rewriter
from genocc.primitives import Concat, Conv2d, ShiftPad

if TYPE_CHECKING:
    from genocc.passes.base import Array


class DenseFactorizedReduce(Pass):
    """A factorized reduce is one 2x2 convolution of stride 2 with two nonzero taps.

    1. concat(conv(x; W1), conv(shift_pad(x); W2)), both 1x1 with stride 2 = conv(x; W), 2x2 with stride 2, where
       W[:, :, 0, 0] = [W1; 0], W[:, :, 1, 1] = [0; W2] and all else is zero.
    2. Maps of odd height or width get a row or column of zeros at the end, as shift_pad gives them.

    It quadruples the weights and MACs of the reduce and saves the shifted copy and the concat. Holds in inference
    only: training would move the zeros.
    """

    name = "dense-factorized-reduce"
    grows = True

    def rewrite(self, graph: Graph, parameters: Parameters) -> tuple[Graph, Parameters]:
        reduces = {node.name: found for node in graph.nodes.values() if (found := _halves(graph, node))}
        if not reduces:
            return graph, parameters
        halves = {conv.name for pair in reduces.values() for conv in pair}
        rewriter = Rewriter(graph, parameters)
        return rewriter.replace({name: partial(_merge, rewriter, *pair) for name, pair in reduces.items()}, halves)


def _halves(graph: Graph, concat: Node) -> tuple[Node, Node] | None:
    """The two convolutions of a factorized reduce: of x, and of x shifted."""
    if not isinstance(concat.primitive, Concat) or len(concat.inputs) != 2:
        return None
    first, second = (graph.nodes[value] for value in concat.inputs)
    if not all(_is_half(half) and graph.only_user(half.name) for half in (first, second)):
        return None
    shift = graph.nodes[second.inputs[0]]
    alike = shift.inputs == first.inputs and _is_biased(first) == _is_biased(second)
    return (first, second) if isinstance(shift.primitive, ShiftPad) and alike else None


def _is_half(node: Node) -> bool:
    conv = node.primitive
    return isinstance(conv, Conv2d) and conv.dense and conv.pixelwise and conv.stride == (2, 2)


def _is_biased(conv: Node) -> bool:
    return f"{conv.name}.bias" in conv.parameters()


def _merge(rewriter: Rewriter, first: Node, second: Node, concat: Node) -> str:
    _, height, width = first.input_shapes[0]
    biased = _is_biased(first)
    conv = Conv2d(concat.shape[0], (2, 2), (2, 2), (0, 0, height % 2, width % 2), bias=biased)
    arrays = {"weight": _weight(rewriter.parameters, first, second)}
    if biased:
        arrays["bias"] = _bias(rewriter.parameters, first, second)
    return rewriter.emit(concat.name, conv, rewriter.values[first.inputs[0]], **arrays)


def _weight(parameters: Parameters, first: Node, second: Node) -> LazyArray:
    def array() -> Array:
        import numpy as np

        one, two = (parameters[f"{half.name}.weight"][:, :, 0, 0] for half in (first, second))
        weight = np.zeros((len(one) + len(two), one.shape[1], 2, 2), one.dtype)
        weight[: len(one), :, 0, 0] = one
        weight[len(one) :, :, 1, 1] = two
        return weight

    return array


def _bias(parameters: Parameters, first: Node, second: Node) -> LazyArray:
    def array() -> Array:
        import numpy as np

        return np.concatenate([parameters[f"{half.name}.bias"] for half in (first, second)])

    return array
