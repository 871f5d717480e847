"""The dialect of AutoDL-Projects: the genotypes of its networks and those that its searches print."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from genocc.errors import FormatError
from genocc.formats.cells import ForeignCell, ForeignEdge, brief
from genocc.formats.genotype_calls import FIELDS, GenotypeCalls, fields, filled, foreign, listing, renamed, states
from genocc.formats.limits import Limits
from genocc.formats.vocabulary import SEVEN, Vocabulary, same_names
from genocc.genotype import Cell

SEARCH_NAMES = {
    "dua_sepc_3x3": "sep_conv_3x3",
    "dua_sepc_5x5": "sep_conv_5x5",
    "dil_sepc_3x3": "dil_conv_3x3",
    "dil_sepc_5x5": "dil_conv_5x5",
    "nor_conv_1x1": "conv_1x1",
    "nor_conv_3x3": "conv_3x3",
}
"""Name of an operation in AutoDL-Projects' search code (xautodl/models/cell_operations.py) -> genocc's."""


class AutoDL(GenotypeCalls):
    """A tuple per node of two ``(op, from)``, in a call of six fields; or the dict of ``(op, from, weight)`` that
    searches print, which may lack the reduction cell.
    """

    name = "autodl"
    origin = "D-X-Y/AutoDL-Projects xautodl/nas_infer_model/DXYs/genotypes.py, and what its searches print"
    expected = "Genotype(normal=[(('sep_conv_3x3', 0), ('skip_connect', 1)), ...], ..., connectN=None, connects=None)"
    edge_fields = ("op", "from")
    optional = ("connectN", "connects")
    vocabulary = Vocabulary(
        writes={
            **same_names((*SEVEN, "sep_conv_7x7")),
            "conv_1x1": "nor_conv_1x1",
            "conv_3x3": "nor_conv_3x3",
            "conv_1x3_3x1": "conv_3x1_1x3",
            "conv_1x7_7x1": "conv_7x1_1x7",
        },
        aliases=SEARCH_NAMES,
    )
    limits = Limits(edges=2)

    def cells(self, entry: Any) -> Mapping[str, ForeignCell]:
        values = fields(entry, (*FIELDS, *self.optional))
        if isinstance(entry, ast.Call) or "reduce" in renamed(values):
            return self.cells_of(values)
        if set(values) != {"normal", "normal_concat"}:
            raise FormatError(f"found the keys {brief(sorted(map(str, values)))}; expected normal and normal_concat")
        return {"normal": self.cell("cell 'normal'", values["normal"], values["normal_concat"])}

    def cell(self, place: str, value: Any, concat: Any) -> ForeignCell:
        nodes: dict[int, list[ForeignEdge]] = {}
        for state, edges in enumerate(listing(place, value), start=2):
            about = f"{place}, node {state}"
            if len(listing(about, edges)) != 2:
                raise FormatError(f"{about}: found {brief(edges)}; expected two edges")
            nodes[state] = []
            for number, edge in enumerate(edges, start=1):
                printed = isinstance(edge, list) and len(edge) == 3
                names = ("op", "from", "weight") if printed else self.edge_fields
                nodes[state].append(foreign(self.edge(f"{about}, edge {number}", edge, names)))
        return ForeignCell(nodes, states(place, concat))

    def listed(self, cell: Cell) -> str:
        nodes = (
            ", ".join(f"({self.vocabulary.spelling(edge.op)!r}, {edge.source})" for edge in edges)
            for edges in filled(cell, self.limits.edges)
        )
        return "[" + ", ".join(f"({node})" for node in nodes) + "]"
