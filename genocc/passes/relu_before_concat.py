"""ReLUs in front of concats."""

from functools import partial
from math import prod

from genocc.graph import Graph, Node
from genocc.passes.base import Parameters, Pass, Rewriter
from genocc.primitives import Concat, Relu


class MoveReluBeforeConcat(Pass):
    """The ReLU of a concat is taken of its parts, where other users of the parts share it.

    1. relu(concat(a, b)) = concat(relu(a), relu(b)).
    2. A part that has a ReLU already, as the states of a cell do that feed a later operation, keeps that one.

    Only concats that nothing but ReLUs read are rewritten, so that none is computed twice, and only maps with at least
    a quarter as many pixels as channels: on smaller ones a single call is cheaper. Holds in training too.
    """

    name = "relu-before-concat"
    training = True

    def rewrite(self, graph: Graph, parameters: Parameters) -> tuple[Graph, Parameters]:
        moved = {
            node.name
            for node in graph.nodes.values()
            if isinstance(node.primitive, Relu) and _is_rectified(graph, node.inputs[0])
        }
        if not moved:
            return graph, parameters
        concats = {graph.nodes[name].inputs[0] for name in moved}
        parts = {part for name in concats for part in graph.nodes[name].inputs}
        shared = {u.name for part in parts for u in graph.users[part] if isinstance(u.primitive, Relu)}
        rewriter = Rewriter(graph, parameters)
        relus = dict.fromkeys(shared, lambda node: _relu(rewriter, node.inputs[0]))
        return rewriter.replace(relus | dict.fromkeys(moved, partial(_move, rewriter)), dropped=concats)


def _is_rectified(graph: Graph, value: str) -> bool:
    concat, users = graph.nodes[value], graph.users[value]
    return (
        isinstance(concat.primitive, Concat)
        and 4 * prod(concat.shape[1:]) >= concat.shape[0]
        and all(isinstance(user.primitive, Relu) for user in users)
        and value not in graph.outputs.values()
    )


def _move(rewriter: Rewriter, relu: Node) -> str:
    parts = rewriter.graph.nodes[relu.inputs[0]].inputs
    return rewriter.emit(relu.name, Concat(), *(_relu(rewriter, part) for part in parts))


def _relu(rewriter: Rewriter, part: str) -> str:
    """The one ReLU of a part: the first that the graph has, or a new one."""
    found = (user.name for user in rewriter.graph.users[part] if isinstance(user.primitive, Relu))
    name = next(found, f"{part}.relu")
    return name if name in rewriter.nodes else rewriter.emit(name, Relu(), rewriter.values[part])
