"""BN into the convolution before it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from genocc.graph import Graph, Node
from genocc.passes.base import Parameters, Pass, Rewriter
from genocc.primitives import BatchNorm, Concat, Conv2d

if TYPE_CHECKING:
    from genocc.passes.base import Array


class FoldBatchNorm(Pass):
    """BN after a convolution is one factor and one shift per channel, which the convolution takes into its weights.

    1. With s = weight / sqrt(running_var + epsilon):
       bn(conv(x; W, b)) = conv(x; s W, s (b - running_mean) + bias).
    2. The same through the concat of a factorized reduce: each convolution takes the factors of its own channels.

    A convolution that has other readers keeps its BN. The arithmetic is done in the precision of the
    parameters. Holds in inference only: while a net trains, BN uses the statistics of the batch.
    """

    name = "fold-batch-norm"

    def rewrite(self, graph: Graph, parameters: Parameters) -> tuple[Graph, Parameters]:
        folds: dict[str, tuple[Node, int]] = {}
        norms = set()
        for node in graph.nodes.values():
            if isinstance(node.primitive, BatchNorm) and (convs := _convolutions(graph, node.inputs[0])):
                norms.add(node.name)
                start = 0
                for conv in convs:
                    folds[conv.name] = node, start
                    start += conv.shape[0]
        if not norms:
            return graph, parameters
        rewriter = Rewriter(graph, parameters)
        folded = {conv: partial(_fold, rewriter, *norm) for conv, norm in folds.items()}
        return rewriter.replace({**folded, **dict.fromkeys(norms, rewriter.bypass)})


def _convolutions(graph: Graph, value: str) -> list[Node]:
    """The convolutions whose concatenated channels are the value; none if it has other parts."""
    node = graph.nodes[value]
    if not graph.only_user(value):
        return []
    if isinstance(node.primitive, Conv2d):
        return [node]
    if not isinstance(node.primitive, Concat):
        return []
    parts = [_convolutions(graph, part) for part in node.inputs]
    return [conv for part in parts for conv in part] if all(parts) else []


def _fold(rewriter: Rewriter, norm: Node, start: int, conv: Node) -> str:
    old, primitive = rewriter.parameters, conv.primitive
    assert isinstance(primitive, Conv2d)
    assert isinstance(norm.primitive, BatchNorm)
    affine, epsilon, biased = norm.primitive.affine, norm.primitive.epsilon, primitive.bias

    def of_norm(role: str) -> Array:
        return old[f"{norm.name}.{role}"][start : start + conv.shape[0]]

    def factor() -> Array:
        deviation = (of_norm("running_var") + epsilon) ** 0.5
        return of_norm("weight") / deviation if affine else 1 / deviation

    def weight() -> Array:
        return old[f"{conv.name}.weight"] * factor()[:, None, None, None]

    def bias() -> Array:
        mean = of_norm("running_mean")
        shift = factor() * (old[f"{conv.name}.bias"] - mean if biased else -mean)
        return shift + of_norm("bias") if affine else shift

    return rewriter.emit(conv.name, replace(primitive, bias=True), rewriter.bypass(conv), weight=weight, bias=bias)
