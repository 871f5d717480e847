"""Limits of dialects: which genotypes each can express."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from genocc.errors import FormatError
from genocc.genotype import Cell, Genotype


@dataclass(frozen=True)
class Limits:
    """The genotypes that a dialect can express, apart from their operations.

    Attributes:
        kinds: The kinds of cell, all of which a text has.
        inputs: Inputs of a cell.
        nodes: Number of nodes per cell; None for any.
        edges: Number of edges per node; None for any.
        parallel: Whether several operations may lead from one state to one node.
        output: The nodes in the concat: any, all of them, or the last alone.
        none: Whether a text may have ``none``: a node may be zero then, or have fewer edges than ``edges``.
    """

    kinds: tuple[str, ...] = ("normal", "reduction")
    inputs: int = 2
    nodes: int | None = None
    edges: int | None = None
    parallel: bool = True
    output: Literal["any", "all", "last"] = "any"
    none: bool = True

    def check(self, genotype: Genotype) -> None:
        """Raises FormatError for a genotype beyond the limits; the message says which limit and where."""
        if set(genotype.cells) != set(self.kinds):
            raise FormatError(f"its cells are {', '.join(genotype.cells)}; expected {' and '.join(self.kinds)}")
        for kind in self.kinds:
            self._check_cell(f"cell '{kind}'", genotype.cells[kind])

    def _check_cell(self, place: str, cell: Cell) -> None:
        if cell.inputs != self.inputs:
            raise FormatError(f"{place}: {_count(cell.inputs, 'input')}; expected {self.inputs}")
        if self.nodes is not None and len(cell.nodes) != self.nodes:
            raise FormatError(f"{place}: {_count(len(cell.nodes), 'node')}; expected {self.nodes}")
        wanted = {"all": set(range(cell.inputs, cell.states)), "last": {cell.states - 1}}.get(self.output)
        if wanted is not None and set(cell.concat) != wanted:
            expected = "every node" if self.output == "all" else f"the last node, {cell.states - 1}, alone"
            raise FormatError(f"{place}: the concat is {list(cell.concat)}; expected {expected}")
        for state, edges in enumerate(cell.nodes, start=cell.inputs):
            about = f"{place}, node {state}"
            if edges[0].is_none and not self.none:
                raise FormatError(f"{about}: a node of zeros; its program has no operation for that")
            if self.edges is not None and (len(edges) > self.edges or (len(edges) < self.edges and not self.none)):
                raise FormatError(f"{about}: {_count(len(edges), 'edge')}; expected {self.edges}")
            source, times = Counter(edge.source for edge in edges).most_common(1)[0]
            if times > 1 and not self.parallel:
                raise FormatError(f"{about}: {times} operations from state {source}; expected one from each state")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
