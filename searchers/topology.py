"""Topology: which edges exist in the super-cell."""

from __future__ import annotations

from .interface import CellSpace
from .parts import SpaceConfig, TopologyConfig

INPUTS = 2
"""States 0 and 1 of a cell: the outputs of cells k-2 and k-1."""


def cell_space(topology: TopologyConfig, space: SpaceConfig) -> CellSpace:
    """Returns the edges and operations of a cell.

    ``all``: every earlier state to every node, 2 + 3 + 4 + 5 = 14 edges with 4 nodes. ``fixed``: those of
    ``topology.predecessors``, 8 with two a node (eDARTS, Section IV-D).
    """
    nodes = range(topology.nodes)
    if topology.edges == "all":
        sources = [tuple(range(INPUTS + node)) for node in nodes]
    else:
        sources = [tuple(sorted(topology.predecessors[node])) for node in nodes]
    edges = tuple((source, INPUTS + node) for node in nodes for source in sources[node])
    return CellSpace(INPUTS, topology.nodes, edges, space.operations)
