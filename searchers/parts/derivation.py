"""Derivation: from coefficients to the edges and operations of a genotype.

`none` never wins; ties go to the first edge and the first operation; what DST has cut is never kept.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from genocc.configuration import Part
from genocc.genotype import Cell, Edge

from ..interface import CellSpace, Coefficients

Choice = tuple[int, int]
"""(edge, operation), by number."""


class DerivationConfig(Part):
    """From coefficients to the set of (edge, operation) that a genotype has. ``none`` never wins.

    Attributes:
        rule: ``top-k`` for each node (DARTS; EnTranNAS Eq. 4); ``argmax``: the best operation of every edge (eDARTS
            III-B); ``non-zero``: every operation whose coefficient is not zero (EnTranNAS Eq. 10).
        edges_per_node: k of ``top-k``; all papers have 2.
        distinct_predecessors: Whether the k come from k different states, each with its best operation, as in the
            DARTS program; false is the literal Eq. 4 of EnTranNAS: the k best of all.
    """

    rule: Literal["top-k", "argmax", "non-zero"] = "top-k"
    edges_per_node: int = Field(default=2, ge=1)
    distinct_predecessors: bool = True


def select(derivation: DerivationConfig, space: CellSpace, coefficients: Coefficients) -> Tensor:
    """Returns the mask (E, K) of the operations that are kept.

    ``top-k``: at each node the k edges whose best operation is the strongest, with that operation (DARTS); without
    ``distinct_predecessors`` the k strongest (edge, operation) pairs (EnTranNAS, Eq. 4). ``argmax``: the best
    operation of each edge (eDARTS, III-B). ``non-zero``: every one that is not cut (EnTranNAS, Eq. 10).
    """
    alive = _alive(space, coefficients)
    if derivation.rule == "non-zero":
        kept = list(alive)
    elif derivation.rule == "argmax":
        kept = _best_of_edges(alive)
    else:
        candidates = _best_of_edges(alive) if derivation.distinct_predecessors else list(alive)
        kept = _strongest_of_nodes(space, alive, candidates, derivation.edges_per_node)
    mask = torch.zeros(len(space.edges), len(space.operations), dtype=torch.bool)
    for edge, operation in kept:
        mask[edge, operation] = True
    return mask.to(coefficients.op.device)


def derived_cell(space: CellSpace, mask: Tensor, coefficients: Coefficients) -> Cell:
    """Returns the cell of a mask; each edge has its importance as weight."""
    importance = coefficients.importance.tolist()
    nodes: list[list[Edge]] = [[] for _ in range(space.nodes)]
    for edge, operation in mask.nonzero().tolist():
        source, target = space.edges[edge]
        weight = min(max(importance[edge][operation], 0.0), 1.0)  # a softmax may exceed 1 by its rounding
        kept = {"op": space.operations[operation], "from": source, "weight": weight}
        nodes[target - space.inputs].append(Edge.model_validate(kept))
    return Cell(
        inputs=space.inputs,
        nodes=tuple(map(tuple, nodes)),
        concat=tuple(range(space.inputs, space.inputs + space.nodes)),
    )


def _alive(space: CellSpace, coefficients: Coefficients) -> dict[Choice, float]:
    """The choices that a rule may keep, with their importance."""
    importance, alive = coefficients.importance.tolist(), (coefficients.op > 0).tolist()
    return {
        (edge, operation): importance[edge][operation]
        for edge in range(len(space.edges))
        for operation, name in enumerate(space.operations)
        if name != "none" and alive[edge][operation]
    }


def _best_of_edges(alive: dict[Choice, float]) -> list[Choice]:
    """The strongest operation of each edge that is not cut as a whole."""
    best: dict[int, Choice] = {}
    for choice in alive:
        if choice[0] not in best or alive[choice] > alive[best[choice[0]]]:
            best[choice[0]] = choice
    return list(best.values())


def _strongest_of_nodes(
    space: CellSpace, alive: dict[Choice, float], candidates: list[Choice], number: int
) -> list[Choice]:
    """The ``number`` strongest candidates of each node."""
    kept: list[Choice] = []
    for target in range(space.inputs, space.inputs + space.nodes):
        incoming = [choice for choice in candidates if space.edges[choice[0]][1] == target]
        kept += sorted(incoming, key=lambda choice: -alive[choice])[:number]
    return kept
