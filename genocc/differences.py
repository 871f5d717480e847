"""Differences between two genotypes, after their nodes have been matched.

Nodes have no names that both sides share: the same node can have another number in the other genotype. So the cells'
nodes are matched first, one to one, so that the fewest differences are left (`genocc.matching`). Edge order,
dead nodes, names, weights and metadata do not count, exactly as in a genotype's hash.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from genocc.genotype import Cell, Genotype
from genocc.identity import certificate
from genocc.matching import BUDGET, match_nodes
from genocc.source import Source

FULLY_MATCHED = 4
"""Kinds of cell that each have the whole budget of a matching; more than these share it."""


class Connection(NamedTuple):
    """An edge of a cell, by its states."""

    source: int
    target: int
    op: str


@dataclass(frozen=True)
class CellDifference:
    """Differences between two cells. Items only in A have A's numbers of states, items only in B have B's.

    Attributes:
        kind: normal, reduction, ...
        a: The cell in A; None where it has none of this kind.
        b: The cell in B; equal to ``a`` where the cells differ in nothing but the numbers of nodes.
        matching: State of A -> the same state in B, inputs included.
        kept: Edges of both, with A's numbers.
        only_a: Edges of A alone.
        only_b: Edges of B alone.
        concat_kept: States of A whose matched state is in B's concat too.
        concat_only_a: Other states in A's concat.
        concat_only_b: Other states in B's concat.
        minimal: Whether no other matching leaves fewer differences; otherwise it is the best that was found.
    """

    kind: str
    a: Cell | None
    b: Cell | None
    matching: Mapping[int, int]
    kept: tuple[Connection, ...]
    only_a: tuple[Connection, ...]
    only_b: tuple[Connection, ...]
    concat_kept: tuple[int, ...]
    concat_only_a: tuple[int, ...]
    concat_only_b: tuple[int, ...]
    minimal: bool

    @property
    def same(self) -> bool:
        """Whether both cells compute the same."""
        inputs = self.a is not None and self.b is not None and self.a.inputs == self.b.inputs
        return inputs and not (self.only_a or self.only_b or self.concat_only_a or self.concat_only_b)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data for ``--json``."""
        return {
            "same": self.same,
            "minimal": self.minimal,
            "inputs": [cell.inputs if cell else None for cell in (self.a, self.b)],
            "matching": [list(pair) for pair in sorted(self.matching.items())],
            "kept": _plain(self.kept),
            "only_in_a": _plain(self.only_a),
            "only_in_b": _plain(self.only_b),
            "concat_kept": list(self.concat_kept),
            "concat_only_in_a": list(self.concat_only_a),
            "concat_only_in_b": list(self.concat_only_b),
        }


@dataclass(frozen=True)
class Difference:
    """Differences between the genotypes ``a`` and ``b``, by kind of cell."""

    a: Genotype
    b: Genotype
    cells: tuple[CellDifference, ...]

    @property
    def same(self) -> bool:
        """Whether the genotypes are equal: exactly when their hashes are."""
        return all(cell.same for cell in self.cells)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data for ``--json``."""
        return {
            "same": self.same,
            "a": {"name": self.a.name, "hash": self.a.hash},
            "b": {"name": self.b.name, "hash": self.b.hash},
            "cells": {cell.kind: cell.to_dict() for cell in self.cells},
        }


def diff(a: Genotype | Source, b: Genotype | Source) -> Difference:
    """Returns the differences between two genotypes; raises GenoccError for what is none."""
    a, b = Source.of(a).genotype, Source.of(b).genotype
    kinds = [*a.cells, *(kind for kind in b.cells if kind not in a.cells)]
    budget = BUDGET * min(1, FULLY_MATCHED / len(kinds))
    cells = (_diff_cells(kind, a.cells.get(kind), b.cells.get(kind), int(budget)) for kind in kinds)
    return Difference(a, b, tuple(cells))


def connections(cell: Cell) -> Counter[Connection]:
    """Returns the edges of a cell that are not dead; an edge that occurs twice counts as two."""
    live = cell.live
    return Counter(Connection(edge.source, state, edge.op) for state, _, edge in cell.edges() if state in live)


def _diff_cells(kind: str, a: Cell | None, b: Cell | None, budget: int) -> CellDifference:
    if a is not None and b is not None and certificate(a) == certificate(b):
        b = a  # the same but for the numbers of nodes, which then mean nothing
    edges_a, edges_b = (connections(cell) if cell else Counter[Connection]() for cell in (a, b))
    matching, minimal = match_nodes(a, b, budget) if a is not None and b is not None else ({}, True)
    kept: Counter[Connection] = Counter()
    there: Counter[Connection] = Counter()
    for edge, number in edges_a.items():
        if edge.source in matching and edge.target in matching:
            moved = Connection(matching[edge.source], matching[edge.target], edge.op)
            kept[edge] = there[moved] = min(number, edges_b[moved])
    concat_a, concat_b = (set(cell.concat) if cell else set[int]() for cell in (a, b))
    concat_kept = {state for state in concat_a if matching.get(state) in concat_b}
    return CellDifference(
        kind, a, b, matching, _sorted(kept), _sorted(edges_a - kept), _sorted(edges_b - there),
        tuple(sorted(concat_kept)), tuple(sorted(concat_a - concat_kept)),
        tuple(sorted(concat_b - {matching[state] for state in concat_kept})), minimal,
    )  # fmt: skip


def _sorted(edges: Counter[Connection]) -> tuple[Connection, ...]:
    return tuple(sorted(edges.elements(), key=lambda edge: (edge.target, edge.source, edge.op)))


def _plain(edges: Iterable[Connection]) -> list[dict[str, Any]]:
    return [{"from": edge.source, "to": edge.target, "op": edge.op} for edge in edges]
