"""Topology: which edges exist in the super-cell."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from genocc.configuration import refuse
from genocc.network import SKELETONS

from ..interface import CellSpace
from ..registry import Composition, OpenPart

INPUTS = 2
"""States 0 and 1 of a cell: the outputs of cells k-2 and k-1. Skeleton ``nas-bench-201`` has the latter alone."""


class Topology(OpenPart):
    """Which edges exist in the super-cell.

    Attributes:
        inputs: The numbers of inputs of a cell that it can have edges for.
        nodes: Number of intermediate nodes of a cell; all papers have 4, NAS-Bench-201 has 3.
    """

    kind: ClassVar[str] = "topology"
    group: ClassVar[str] = "genocc.topologies"
    usual: ClassVar[str] = "all"
    inputs: ClassVar[tuple[int, ...]] = (INPUTS,)

    nodes: int = Field(default=4, ge=1, le=16)

    @abstractmethod
    def sources(self, kind: str, node: int) -> Iterable[int]:
        """Returns the states that a node, counted from 0, may read: any of those before it, 0 to ``node + 1``.

        Args:
            kind: Of cell: ``normal`` or ``reduction``.
            node: Its number.
        """

    def cell_space(self, operations: Sequence[str], kind: str = "normal", inputs: int = INPUTS) -> CellSpace:
        """Returns the edges of a kind of cell with so many inputs, and the operations that compete on each."""
        sources = [sorted(self._sources(kind, node, inputs)) for node in range(self.nodes)]
        edges = tuple((source, inputs + node) for node in range(self.nodes) for source in sources[node])
        return CellSpace(inputs, self.nodes, edges, tuple(operations))

    def _sources(self, kind: str, node: int, inputs: int) -> Iterable[int]:
        return self.sources(kind, node)

    def check(self, config: Composition) -> None:
        skeleton, target = config.supernet.skeleton, config.budget.skeleton
        wanted = SKELETONS[skeleton].inputs
        if wanted not in self.inputs:
            has = " or ".join(map(str, self.inputs))
            refuse(
                f"topology.name={self.name} is of cells with {has} inputs; those of supernet.skeleton={skeleton} have "
                f"{wanted}: use topology.name=all"
            )
        if SKELETONS[target].inputs != wanted:
            refuse(
                f"budget.skeleton={target} has no place for the cells of supernet.skeleton={skeleton}; choose "
                f"budget.skeleton={skeleton}"
            )


class AllEdges(Topology):
    """Every earlier state to every node: 2 + 3 + 4 + 5 = 14 edges with 4 nodes (DARTS).

    With one input and 3 nodes, 1 + 2 + 3 = 6 edges (NAS-Bench-201).
    """

    inputs: ClassVar[tuple[int, ...]] = (1, INPUTS)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"nas-bench-201": {"nodes": 3}}

    name: Literal["all"] = "all"

    def sources(self, kind: str, node: int) -> Iterable[int]:
        return range(INPUTS + node)

    def _sources(self, kind: str, node: int, inputs: int) -> Iterable[int]:
        return range(inputs + node)


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
