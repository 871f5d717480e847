"""The dialect of the FairDARTS program, whose cells have any number of edges per node, including none."""

from __future__ import annotations

from typing import Any

from genocc.errors import FormatError
from genocc.formats.cells import ForeignCell, ForeignEdge, brief
from genocc.formats.genotype_calls import GenotypeCalls, foreign, listing, states
from genocc.formats.limits import Limits
from genocc.formats.vocabulary import SEVEN, Vocabulary, same_names


class FairDarts(GenotypeCalls):
    """Flat lists of ``(op, to, from)``.

    As in the program, the output is every node that has an edge, whatever the concat field says, and an edge that
    leaves a node without edges is left out. The program computes nodes in the order of the list and would silently
    leave out an edge from a node that it meets only later; such a list is refused.
    """

    name = "fairdarts"
    origin = "xiaomi-automl/FairDARTS fairdarts/genotypes.py"
    expected = "Genotype(normal=[('sep_conv_3x3', 2, 0), ...], normal_concat=..., reduce=[...], reduce_concat=...)"
    edge_fields = ("op", "to", "from")
    vocabulary = Vocabulary(writes={**same_names((*SEVEN, "sep_conv_7x7")), "conv_1x7_7x1": "conv_7x1_1x7"})
    limits = Limits(output="all")

    def cell(self, place: str, value: Any, concat: Any) -> ForeignCell:
        nodes: dict[int, list[ForeignEdge]] = {}
        edges = [
            self.edge(f"{place}, entry {number}", item) for number, item in enumerate(listing(place, value), start=1)
        ]
        targets = list(dict.fromkeys(edge["to"] for edge in edges))
        for number, edge in enumerate(edges, start=1):
            source, target = edge["from"], edge["to"]
            nodes.setdefault(target, [])
            if source in targets and source < target and targets.index(source) > targets.index(target):
                raise FormatError(
                    f"{place}, entry {number}: node {target} reads node {source}, which the list begins only later; "
                    "its program would leave that edge out: sort the list by its second numbers"
                )
            nodes[target].append(foreign(edge))
        stated = states(place, concat)
        notes = []
        if left := sorted(nodes.keys() - set(stated)):
            notes.append(
                f"the concat field lacks node {brief(left[0])}; as in its program, every node is in the concat"
            )
        return ForeignCell(nodes | {state: [] for state in stated if state not in nodes}, notes=notes)
