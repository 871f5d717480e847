"""Topology: which edges exist in the super-cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, model_validator

from genocc.configuration import Part, refuse

from ..interface import CellSpace

INPUTS = 2
"""States 0 and 1 of a cell: the outputs of cells k-2 and k-1."""


class TopologyConfig(Part):
    """Which edges exist in the super-cell.

    Attributes:
        edges: ``all`` (every earlier state to every node), or ``fixed`` (those of ``predecessors``; eDARTS, IV-D).
        nodes: Number of intermediate nodes of a cell; all papers have 4.
        predecessors: With ``fixed``, the states that each node reads, node by node. eDARTS does not print which of
            the 180 it fixed; its default is the best of our own ranking (docs/results/rank-topologies.md).
    """

    edges: Literal["all", "fixed"] = "all"
    nodes: int = Field(default=4, ge=1, le=16)
    predecessors: tuple[tuple[int, ...], ...] = ((0, 1), (0, 1), (0, 1), (0, 1))

    @model_validator(mode="after")
    def _earlier(self) -> Self:
        if self.edges == "all":
            return self
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


def cell_space(topology: TopologyConfig, operations: Sequence[str]) -> CellSpace:
    """Returns the edges of a cell, with the operations that compete on each.

    ``all``: every earlier state to every node, 2 + 3 + 4 + 5 = 14 edges with 4 nodes. ``fixed``: those of
    ``topology.predecessors``, 8 with two per node (eDARTS, Section IV-D).
    """
    nodes = range(topology.nodes)
    if topology.edges == "all":
        sources = [tuple(range(INPUTS + node)) for node in nodes]
    else:
        sources = [tuple(sorted(topology.predecessors[node])) for node in nodes]
    edges = tuple((source, INPUTS + node) for node in nodes for source in sources[node])
    return CellSpace(INPUTS, topology.nodes, edges, tuple(operations))
