"""The compact tuples of NASLib."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from genocc.errors import FormatError
from genocc.formats.base import Dialect
from genocc.formats.cells import ForeignCell, ForeignEdge, brief
from genocc.formats.genotype_calls import filled, listing
from genocc.formats.limits import Limits
from genocc.formats.literals import literal
from genocc.formats.sightings import Sighting, Sought, sightings
from genocc.formats.vocabulary import SEVEN, Vocabulary, same_names
from genocc.genotype import Cell, Genotype

_KINDS = ("normal", "reduction")


class NasLib(Dialect):
    """Two tuples (normal, reduction) of eight ``(from, op)``, two per node, ``op`` an index into the seven operations.

    The output is every node. NASLib's graph holds one operation from one state to one node.

    Attributes:
        operations: The operation of each number.
    """

    name = "naslib"
    origin = "automl/NASLib naslib/search_spaces/nasbench301/conversions.py (compact)"
    expected = "(((0, 3), (1, 3), ...), ((0, 0), (1, 0), ...)), eight (from, op) a cell"
    vocabulary = Vocabulary(writes=same_names(SEVEN))
    limits = Limits(nodes=4, edges=2, parallel=False, output="all", none=False)
    operations: ClassVar[tuple[str, ...]] = SEVEN

    def entries(self, text: str) -> Sequence[Sighting]:
        return sightings(text, _SOUGHT)

    def cells(self, entry: Any) -> Mapping[str, ForeignCell]:
        value = literal(entry)
        if len(value) != len(_KINDS):
            raise FormatError(f"found {len(value)} cells; expected the normal and the reduction cell")
        return {kind: self.cell(f"cell '{kind}'", cell) for kind, cell in zip(_KINDS, value, strict=True)}

    def cell(self, place: str, value: Any) -> ForeignCell:
        """Returns a cell from its literal value."""
        if len(listing(place, value)) != 8:
            raise FormatError(f"{place}: found {len(value)} entries; expected eight (from, op)")
        edges = []
        for number, item in enumerate(value, start=1):
            about = f"{place}, entry {number}"
            if not (isinstance(item, list) and len(item) == 2 and all(type(part) is int for part in item)):
                raise FormatError(f"{about}: found {brief(item)}; expected (from, op), two numbers")
            source, op = item
            if not 0 <= op < len(self.operations):
                raise FormatError(f"{about}: found op {brief(op)}; expected 0 to {len(self.operations) - 1}")
            edges.append(ForeignEdge(self.operations[op], source))
        nodes = {2 + node: edges[2 * node : 2 * node + 2] for node in range(4)}
        for state, (first, second) in nodes.items():
            if first.source == second.source and not self.limits.parallel:
                raise FormatError(
                    f"{place}, node {state}: two operations from state {first.source}; NASLib's graph holds one"
                )
        return ForeignCell(nodes)

    def text(self, genotype: Genotype) -> str:
        cells = (self.listed(genotype.cells[kind]) for kind in _KINDS)
        return f"({', '.join(cells)})\n"

    def listed(self, cell: Cell) -> str:
        """Returns the text of a cell."""
        edges = (edge for edges in filled(cell, self.limits.edges) for edge in edges)
        return f"({', '.join(f'({edge.source}, {self.operations.index(edge.op)})' for edge in edges)})"


def _is_pair_of_cells(node: ast.expr) -> bool:
    """Whether an expression is a list of lists whose first entry is a pair of numbers."""
    match node:
        case (
            ast.Tuple(elts=[ast.Tuple() | ast.List() as cell, *_])
            | ast.List(elts=[ast.Tuple() | ast.List() as cell, *_])
        ):
            first = cell.elts[0] if cell.elts else None
            return isinstance(first, (ast.Tuple, ast.List)) and not any(
                isinstance(part, ast.Constant) and isinstance(part.value, str) for part in ast.walk(first)
            )
    return False


_SOUGHT = Sought(
    _is_pair_of_cells,
    telling=re.compile(r"[(\[]\s*[(\[]\s*[(\[]\s*\d"),
    opening=re.compile(r"[(\[](?=\s*[(\[]\s*[(\[]\s*\d)"),
)
