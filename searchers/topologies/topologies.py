"""Cell topologies with two predecessors per node, and the genotypes that stand for them in a ranking.

eDARTS (III-B, IV-D) asks which edges are good whatever operations are on them: every node of a cell reads two of the
earlier states, 1 x 3 x 6 x 10 = 180 ways with four nodes, and all operations are alike.
"""

from __future__ import annotations

from itertools import combinations, product
from typing import Literal

import numpy as np

from genocc.genotype import Cell, Edge, Genotype

from ..parts.topology import INPUTS

NODES = 4
Topology = tuple[tuple[int, ...], ...]
"""The states that each node reads, node by node, as `FixedEdges.predecessors` has them."""

Phase = Literal["normal", "both"]
"""Which cells a topology is tried in."""
PHASES: tuple[Phase, ...] = ("normal", "both")

FIXED: Topology = ((0, 1),) * NODES
"""The reduction cell while normal cells are compared. eDARTS fixes one and does not print it; in ours every node reads
the two inputs of the cell, so that it favours none of the paths that are compared."""


def topologies() -> list[Topology]:
    """Returns all 180, in order."""
    return list(product(*(tuple(combinations(range(INPUTS + node), 2)) for node in range(NODES))))


def sampled(count: int | None, seed: int) -> list[Topology]:
    """Returns ``count`` of them, chosen at random, in order; all where ``count`` is None or at least their number."""
    every = topologies()
    if count is None or count >= len(every):
        return every
    chosen = np.random.default_rng(seed).choice(len(every), count, replace=False)
    return [every[number] for number in sorted(chosen)]


def name_of(topology: Topology) -> str:
    """Returns a short name: 01-02-13-24."""
    return "-".join("".join(map(str, sources)) for sources in topology)


def genotype_of(topology: Topology, phase: Phase) -> Genotype:
    """Returns the genotype that is trained for a topology.

    ``normal``: sep_conv_3x3 on every edge of the normal cell, max_pool_3x3 on those of the fixed reduction cell.
    ``both``: the topology in both cells, sep_conv_3x3 on every edge (IV-D).
    """
    reduction = _cell(FIXED, "max_pool_3x3") if phase == "normal" else _cell(topology, "sep_conv_3x3")
    cells = {"normal": _cell(topology, "sep_conv_3x3"), "reduction": reduction}
    return Genotype(name=name_of(topology), cells=cells)


def _cell(topology: Topology, operation: str) -> Cell:
    nodes = tuple(
        tuple(Edge.model_validate({"op": operation, "from": source}) for source in sources) for sources in topology
    )
    return Cell(inputs=INPUTS, nodes=nodes, concat=tuple(range(INPUTS, INPUTS + len(topology))))
