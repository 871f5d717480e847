"""Dead states and unused branches out."""

from genocc.graph import Graph
from genocc.passes.base import Parameters, Pass, Rewriter
from genocc.primitives import Input


class RemoveDeadCode(Pass):
    """A value that no output depends on is not computed.

    Identities need no pass: lowering writes none. Holds in training as well, where it also stops dead branches
    from collecting batch statistics.
    """

    name = "remove-dead-code"
    training = True

    def rewrite(self, graph: Graph, parameters: Parameters) -> tuple[Graph, Parameters]:
        live = set(graph.outputs.values())
        for node in reversed(list(graph.nodes.values())):
            if node.name in live or isinstance(node.primitive, Input):
                live.update((node.name, *node.inputs))
        if len(live) == len(graph.nodes):
            return graph, parameters
        return Rewriter(graph, parameters).replace(dropped=graph.nodes.keys() - live)
