"""Factorized reduces as one convolution."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from genocc.graph import Graph, Node
from genocc.passes.base import Parameters, Pass, Rewriter
from genocc.primitives import Concat, Conv2d, ShiftPad

if TYPE_CHECKING:
    from numpy import ndarray

    Array = ndarray[Any, Any]


class DenseFactorizedReduce(Pass):
    """A factorized reduce is one 2x2 convolution of stride 2 of whose taps two are used.

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
        for node in graph.nodes.values():
            if node.name in reduces:
                _merge(rewriter, node, *reduces[node.name])
            elif node.name not in halves:
                rewriter.keep(node)
        return rewriter.finish()


def _halves(graph: Graph, concat: Node) -> tuple[Node, Node] | None:
    """The two convolutions of a factorized reduce: of x, and of x shifted."""
    if not isinstance(concat.primitive, Concat) or len(concat.inputs) != 2:
        return None
    first, second = (graph.nodes[value] for value in concat.inputs)
    for half in (first, second):
        half_conv = Conv2d(half.shape[0], (1, 1), (2, 2), bias=f"{first.name}.bias" in first.parameters())
        if half.primitive != half_conv or not graph.only_user(half.name):
            return None
    shift = graph.nodes[second.inputs[0]]
    return (first, second) if isinstance(shift.primitive, ShiftPad) and shift.inputs == first.inputs else None


def _merge(rewriter: Rewriter, concat: Node, first: Node, second: Node) -> None:
    _, height, width = first.input_shapes[0]
    biased = f"{first.name}.bias" in first.parameters()
    conv = Conv2d(concat.shape[0], (2, 2), (2, 2), (0, 0, height % 2, width % 2), bias=biased)
    recipes = {"weight": _weight(rewriter.parameters, first, second)}
    if biased:
        recipes["bias"] = _bias(rewriter.parameters, first, second)
    x = rewriter.values[first.inputs[0]]
    rewriter.values[concat.name] = rewriter.emit(concat.name, conv, x, **recipes)


def _weight(parameters: Parameters, first: Node, second: Node) -> Callable[[], Array]:
    def array() -> Array:
        import numpy as np

        one, two = (parameters[f"{half.name}.weight"][:, :, 0, 0] for half in (first, second))
        weight = np.zeros((len(one) + len(two), one.shape[1], 2, 2), one.dtype)
        weight[: len(one), :, 0, 0] = one
        weight[len(one) :, :, 1, 1] = two
        return weight

    return array


def _bias(parameters: Parameters, first: Node, second: Node) -> Callable[[], Array]:
    def array() -> Array:
        import numpy as np

        return np.concatenate([parameters[f"{half.name}.bias"] for half in (first, second)])

    return array
