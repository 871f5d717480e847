"""Derivation: from coefficients to the edges and operations of a genotype.

`none` is never kept, and wins only where it is asked to; ties go to the first edge and the first operation; what has
been cut is never kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from genocc.configuration import refuse
from genocc.genotype import Cell, Edge
from genocc.operations import NONE

from ..interface import CellSpace, Coefficients, DerivationContext, Masks
from ..registry import Composition, OpenPart

Choice = tuple[int, int]
"""(edge, operation), by number."""


class Derivation(OpenPart):
    """From coefficients to the set of (edge, operation) that a genotype has; ``none`` is never among them.

    A derivation of single cells implements `cell`; one that compares cells, or looks at net and data, `select`.

    Attributes:
        looks: Whether `select` needs a context. Then it is asked at the end of each epoch only, and refused where
            steps derive (transit cells, IST).
    """

    kind: ClassVar[str] = "derivation"
    group: ClassVar[str] = "genocc.derivations"
    usual: ClassVar[str] = "top-k"
    looks: ClassVar[bool] = False

    @property
    def within_edges(self) -> bool:
        """Whether what is kept has won over the other operations of its edge, rather than over all of its node."""
        return False

    def select(
        self,
        spaces: Mapping[str, CellSpace],
        coefficients: Mapping[str, Coefficients],
        context: DerivationContext | None,
    ) -> Masks:
        """Returns the mask (E, K), bool, of the operations that are kept, of each kind of cell.

        Args:
            spaces: Kind of cell -> its edges and operations.
            coefficients: Of each kind, never random, without gradient history.
            context: The net and its validation images; None where steps ask, or nothing has been searched yet.
        """
        return {kind: self.cell(space, coefficients[kind]) for kind, space in spaces.items()}

    def cell(self, space: CellSpace, coefficients: Coefficients) -> Tensor:
        """Returns the mask (E, K), bool, of the operations that are kept in a kind of cell."""
        raise NotImplementedError(f"{type(self).__name__} has neither select nor cell")

    def check(self, config: Composition) -> None:
        if self.looks and (config.placement.name != "all" or getattr(config.schedule, "ist", False)):
            refuse(
                f"derivation.name={self.name} looks at the net and its validation images, too slow for every step; "
                "it goes with placement.name=all and without schedule.ist"
            )


class TopK(Derivation):
    """At each node the k edges whose best operation is the strongest, with that operation (DARTS; EnTranNAS Eq. 4).

    Attributes:
        edges_per_node: k; all papers have 2.
        distinct_predecessors: Whether the k come from k different states, each with its best operation, as in the
            DARTS program; false is the literal Eq. 4 of EnTranNAS: the k best of all.
        none: Whether ``none`` is a choice like others, and what it wins is left out: with k edges or fewer per node,
            the derivation of NAS-Bench-201's programs.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"nas-bench-201": {"edges_per_node": 3, "none": True}}

    name: Literal["top-k"] = "top-k"
    edges_per_node: int = Field(default=2, ge=1)
    distinct_predecessors: bool = True
    none: bool = False

    @property
    def within_edges(self) -> bool:
        return self.distinct_predecessors

    def cell(self, space: CellSpace, coefficients: Coefficients) -> Tensor:
        alive = candidates(space, coefficients, none=self.none)
        chosen = best_of_edges(alive) if self.distinct_predecessors else list(alive)
        kept = strongest_of_nodes(space, alive, chosen, self.edges_per_node)
        return mask_of(space, [choice for choice in kept if space.operations[choice[1]] != NONE], coefficients)


class Argmax(Derivation):
    """The best operation of every edge (eDARTS III-B)."""

    name: Literal["argmax"] = "argmax"

    @property
    def within_edges(self) -> bool:
        return True

    def cell(self, space: CellSpace, coefficients: Coefficients) -> Tensor:
        return mask_of(space, best_of_edges(candidates(space, coefficients)), coefficients)


class NonZero(Derivation):
    """Every operation that is not cut (EnTranNAS Eq. 10)."""

    name: Literal["non-zero"] = "non-zero"

    def cell(self, space: CellSpace, coefficients: Coefficients) -> Tensor:
        return mask_of(space, list(candidates(space, coefficients)), coefficients)

    def check(self, config: Composition) -> None:
        if not config.relaxation.cuts:
            refuse(
                "derivation.name=non-zero with a relaxation that cuts nothing (relaxation.dst=false): a softmax is "
                "never zero, so every operation of every edge would be derived; use derivation.name=top-k or "
                "relaxation.dst=true"
            )


def candidates(space: CellSpace, coefficients: Coefficients, *, none: bool = False) -> dict[Choice, float]:
    """Returns the choices that may be kept, not cut and, unless it competes, not ``none``; with their importance."""
    importance, alive = coefficients.importance.tolist(), coefficients.alive.tolist()
    return {
        (edge, operation): importance[edge][operation]
        for edge in range(len(space.edges))
        for operation, name in enumerate(space.operations)
        if (none or name != NONE) and alive[edge][operation]
    }


def best_of_edges(alive: Mapping[Choice, float]) -> list[Choice]:
    """Returns the strongest operation of each edge that is not cut as a whole."""
    best: dict[int, Choice] = {}
    for choice in alive:
        if choice[0] not in best or alive[choice] > alive[best[choice[0]]]:
            best[choice[0]] = choice
    return list(best.values())


def strongest_of_nodes(
    space: CellSpace, alive: Mapping[Choice, float], chosen: list[Choice], number: int
) -> list[Choice]:
    """Returns the ``number`` strongest of the chosen at each node."""
    kept: list[Choice] = []
    for target in range(space.inputs, space.inputs + space.nodes):
        incoming = [choice for choice in chosen if space.edges[choice[0]][1] == target]
        kept += sorted(incoming, key=lambda choice: -alive[choice])[:number]
    return kept


def mask_of(space: CellSpace, kept: list[Choice], coefficients: Coefficients) -> Tensor:
    """Returns the mask (E, K) of some choices, where the coefficients are."""
    mask = torch.zeros(len(space.edges), len(space.operations), dtype=torch.bool)
    for edge, operation in kept:
        mask[edge, operation] = True
    return mask.to(coefficients.op.device)


def derived_cell(space: CellSpace, mask: Tensor, coefficients: Coefficients) -> Cell:
    """Returns the cell of a mask; each edge has its importance as weight, a node without any an edge of `none`."""
    importance = coefficients.importance.tolist()
    nodes: list[list[Edge]] = [[] for _ in range(space.nodes)]
    for edge, operation in mask.nonzero().tolist():
        source, target = space.edges[edge]
        weight = min(max(importance[edge][operation], 0.0), 1.0)  # a softmax may exceed 1 by its rounding
        kept = {"op": space.operations[operation], "from": source, "weight": weight}
        nodes[target - space.inputs].append(Edge.model_validate(kept))
    zeros = Edge.model_validate({"op": NONE, "from": 0})
    return Cell(inputs=space.inputs, nodes=tuple(tuple(node) or (zeros,) for node in nodes), concat=space.concat)
