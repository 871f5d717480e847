"""The dialect of the DARTS program and its many descendants."""

from __future__ import annotations

from typing import Any

from genocc.errors import FormatError
from genocc.formats.cells import ForeignCell, ForeignEdge, brief
from genocc.formats.genotype_calls import GenotypeCalls, foreign, listing, states
from genocc.formats.limits import Limits
from genocc.formats.vocabulary import Vocabulary


class Darts(GenotypeCalls):
    """Flat lists of ``(op, from)``, two edges per node.

    Read as well: one edge from every earlier state, as SNAS writes it, and a list per node, as pt.darts does.
    """

    name = "darts"
    origin = "quark0/darts cnn/genotypes.py; khanrc/pt.darts (a list per node, read only)"
    expected = "Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=..., reduce=[...], reduce_concat=...)"
    edge_fields = ("op", "from")
    vocabulary = Vocabulary(differing={"noise": "random noise, which the search space S4 of RobustDARTS has as a trap"})
    limits = Limits(edges=2)

    def cell(self, place: str, value: Any, concat: Any) -> ForeignCell:
        output = states(place, concat)
        nested = _is_nested(listing(place, value))
        return ForeignCell(self.nested(place, value) if nested else self.flat(place, value, output), output)

    def nested(self, place: str, value: list[Any]) -> dict[int, list[ForeignEdge]]:
        """Returns the nodes of a list per node, each of any length."""
        nodes = {}
        for state, edges in enumerate(value, start=2):
            about = f"{place}, node {state}"
            nodes[state] = [
                foreign(self.edge(f"{about}, edge {number}", edge))
                for number, edge in enumerate(listing(about, edges), start=1)
            ]
        return nodes


def _is_nested(value: list[Any]) -> bool:
    """Whether entries are nodes, lists of edges, rather than edges."""
    kinds = {isinstance(item, list) and (not item or isinstance(item[0], list)) for item in value}
    if len(kinds) > 1:
        raise FormatError(f"found edges and lists of edges side by side: {brief(value)}; expected one or the other")
    return kinds == {True}
