"""ReLUs in front of concats."""

from math import prod

from genocc.graph import Graph
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
        rewriter = Rewriter(graph, parameters)
        for node in graph.nodes.values():
            if node.name in moved:
                concat = graph.nodes[node.inputs[0]]
                relus = [_relu(rewriter, part) for part in concat.inputs]
                rewriter.values[node.name] = rewriter.emit(node.name, Concat(), *relus)
            elif isinstance(node.primitive, Relu) and node.inputs[0] in parts:
                rewriter.values[node.name] = _relu(rewriter, node.inputs[0])
            elif node.name not in concats:
                rewriter.keep(node)
        return rewriter.finish()


def _is_rectified(graph: Graph, value: str) -> bool:
    concat, users = graph.nodes[value], graph.users[value]
    return (
        isinstance(concat.primitive, Concat)
        and 4 * prod(concat.shape[1:]) >= concat.shape[0]
        and all(isinstance(user.primitive, Relu) for user in users)
        and value not in graph.outputs.values()
    )


def _relu(rewriter: Rewriter, part: str) -> str:
    """The one ReLU of a part: the first that the graph has, or a new one."""
    found = (user.name for user in rewriter.graph.users[part] if isinstance(user.primitive, Relu))
    name = next(found, f"{part}.relu")
    return name if name in rewriter.nodes else rewriter.emit(name, Relu(), rewriter.values[part])
