"""Dead states, unused branches and zeros out."""

from genocc.graph import Graph
from genocc.passes.base import Parameters, Pass, Rewriter
from genocc.passes.zeros import without_zeros
from genocc.primitives import Input


class RemoveDeadCode(Pass):
    """A value that no output depends on is not computed, and neither is what zeros add.

    1. A value without a path to an output is left out.
    2. relu(0) = 0, and so for pools, shifts, sums, and convolutions without bias; x + 0 = x.
    3. conv(concat(x, 0); [W1 W2]) = conv(x; W1), and so for a linear layer, behind relus, pools, shifts and means.
    4. The zeros that are left (those that BN or an output reads) take nothing but the size of an earlier value.

    Zeros come from nodes that are nothing but `none`. Identities need no pass: lowering writes none. Holds in training
    as well, where it also stops dead branches from collecting batch statistics.
    """

    name = "remove-dead-code"
    training = True

    def rewrite(self, graph: Graph, parameters: Parameters) -> tuple[Graph, Parameters]:
        live = set(graph.outputs.values())
        for node in reversed(list(graph.nodes.values())):
            if node.name in live or isinstance(node.primitive, Input):
                live.update((node.name, *node.inputs))
        if len(live) == len(graph.nodes):
            return without_zeros(graph, parameters)
        return Rewriter(graph, parameters).replace(dropped=graph.nodes.keys() - live)
