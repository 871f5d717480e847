"""The dialect of the DARTS program and of its many descendants."""

from __future__ import annotations

from typing import Any

from genocc.errors import FormatError
from genocc.formats.cells import ForeignCell, ForeignEdge, shown
from genocc.formats.genotype_calls import GenotypeCalls, foreign, listing, states
from genocc.formats.limits import Limits
from genocc.formats.vocabulary import Vocabulary
from genocc.genotype import Cell


class Darts(GenotypeCalls):
    """Flat lists of ``(op, from)``, two edges a node; on reading also a list per node, as pt.darts writes them."""

    name = "darts"
    origin = "quark0/darts cnn/genotypes.py; khanrc/pt.darts (a list per node, read only)"
    expected = "Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=..., reduce=[...], reduce_concat=...)"
    form = ("op", "from")
    vocabulary = Vocabulary(differing={"noise": "random noise, which the search space S4 of RobustDARTS has as a trap"})
    limits = Limits(edges=2)

    def cell(self, place: str, value: Any, concat: Any) -> ForeignCell:
        nodes = self.nested(place, value) if _is_nested(listing(place, value)) else self.paired(place, value)
        return ForeignCell(nodes, states(place, concat))

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

    def listed(self, cell: Cell) -> str:
        return "[" + ", ".join(f"({self.vocabulary.spelling(e.op)!r}, {e.source})" for _, _, e in cell.edges()) + "]"


def _is_nested(value: list[Any]) -> bool:
    """Whether entries are nodes, lists of edges, rather than edges."""
    kinds = {isinstance(item, list) and (not item or isinstance(item[0], list)) for item in value}
    if len(kinds) > 1:
        raise FormatError(f"found edges and lists of edges side by side: {shown(value)}; expected one or the other")
    return kinds == {True}
