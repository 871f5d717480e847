"""Topology: which edges exist in the super-cell."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from genocc.configuration import refuse

from ..interface import CellSpace
from ..registry import OpenPart

INPUTS = 2
"""States 0 and 1 of a cell: the outputs of cells k-2 and k-1."""


class Topology(OpenPart):
    """Which edges exist in the super-cell.

    Attributes:
        nodes: Number of intermediate nodes of a cell; all papers have 4.
    """

    kind: ClassVar[str] = "topology"
    group: ClassVar[str] = "genocc.topologies"
    usual: ClassVar[str] = "all"

    nodes: int = Field(default=4, ge=1, le=16)

    @abstractmethod
    def sources(self, kind: str, node: int) -> Iterable[int]:
        """Returns the states that a node, counted from 0, may read: any of those before it, 0 to ``node + 1``.

        Args:
            kind: Of cell: ``normal`` or ``reduction``.
            node: Its number.
        """

    def cell_space(self, operations: Sequence[str], kind: str = "normal") -> CellSpace:
        """Returns the edges of a kind of cell, with the operations that compete on each."""
        sources = [sorted(self.sources(kind, node)) for node in range(self.nodes)]
        edges = tuple((source, INPUTS + node) for node in range(self.nodes) for source in sources[node])
        return CellSpace(INPUTS, self.nodes, edges, tuple(operations))


class AllEdges(Topology):
    """Every earlier state to every node: 2 + 3 + 4 + 5 = 14 edges with 4 nodes (DARTS)."""

    name: Literal["all"] = "all"

    def sources(self, kind: str, node: int) -> Iterable[int]:
        return range(INPUTS + node)


class FixedEdges(Topology):
    """The edges of ``predecessors``, 8 with two per node (eDARTS, IV-D).

    Attributes:
        predecessors: The states that each node reads, node by node. eDARTS does not print which of the 180 it fixed;
            its default is the best of our own ranking (docs/results/rank-topologies.md).
    """

    name: Literal["fixed"] = "fixed"
    predecessors: tuple[tuple[int, ...], ...] = ((0, 1), (0, 1), (0, 1), (0, 1))

    @model_validator(mode="after")
    def _earlier(self) -> Self:
        if len(self.predecessors) != self.nodes:
            refuse(
                f"topology.predecessors: {len(self.predecessors)} nodes; topology.nodes expects {self.nodes} "
                "(one list of states for each)"
            )
        for number, sources in enumerate(self.predecessors):
            if not sources or len(set(sources)) != len(sources) or not all(0 <= s < number + INPUTS for s in sources):
                refuse(
                    f"topology.predecessors[{number}]: found {list(sources)}; expected distinct earlier states, "
                    f"0 to {number + INPUTS - 1}"
                )
        return self

    def sources(self, kind: str, node: int) -> Iterable[int]:
        return self.predecessors[node]
