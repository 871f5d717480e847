"""Common subexpressions."""

from genocc.graph import Graph
from genocc.passes.base import Parameters, Pass, Rewriter
from genocc.primitives import Primitive


class ShareCommonSubexpressions(Pass):
    """f(x) computed twice is computed once, for every primitive f without parameters.

    1. The ReLU of a state that several operations read is one ReLU with several users; so are the two ReLUs that
       preprocess one cell output for the next two cells.
    2. Identical pools of one state are one pool.
    3. The shifted inputs of several factorized reduces of one state are one.
    4. The sum of the same values is one sum (the order of a commutative primitive's inputs does not count).

    Holds in training and inference; random primitives (drop path) are never shared.
    """

    name = "share-common-subexpressions"
    training = True

    def rewrite(self, graph: Graph, parameters: Parameters) -> tuple[Graph, Parameters]:
        rewriter = Rewriter(graph, parameters)
        seen: dict[tuple[Primitive, tuple[str, ...]], str] = {}
        for node in graph.nodes.values():
            inputs = tuple(rewriter.values[value] for value in node.inputs)
            if node.primitive.commutative:
                inputs = tuple(sorted(inputs))
            if node.parameters() or node.buffers() or node.primitive.random:
                rewriter.keep(node)
            elif (node.primitive, inputs) in seen:
                rewriter.values[node.name] = seen[node.primitive, inputs]
            else:
                seen[node.primitive, inputs] = rewriter.keep(node)
        if len(rewriter.nodes) == len(graph.nodes):
            return graph, parameters
        return rewriter.finish()
