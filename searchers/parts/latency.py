"""The penalty on expected latency: that on expected MACs, with what operations cost on a machine."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Literal

import torch
from torch import Tensor

from genocc import origins
from genocc.configuration import Rate, refuse
from genocc.latency.prediction import in_cell
from genocc.latency.profile import Profile
from genocc.lowering import lower
from genocc.network import SKELETONS, NetworkConfig
from genocc.operations import NONE

from ..interface import CellSpace, DataShape
from ..registry import Composition
from .penalties import ExpectedCostTerm, Penalty, PenaltyTerm, all_candidates


class ExpectedLatency(Penalty):
    """The expected latency of the target net's edges over `budget.max_latency`, which the papers do not have.

    Attributes:
        factor: Factor X of the expected latency over the budget in the architecture loss; 0: none.
    """

    name: Literal["latency"] = "latency"
    factor: Rate = 0.0

    def check(self, config: Composition) -> None:
        if self.factor and not config.budget.max_latency:
            refuse(
                "penalties.latency.factor (--penalty-latency) needs budget.max_latency (--max-latency): the expected "
                "latency is measured against it"
            )

    def build(self, config: Composition, spaces: Mapping[str, CellSpace], data_shape: DataShape) -> PenaltyTerm | None:
        if not self.factor:
            return None
        budget = config.budget
        target = budget.target(**data_shape.of_network)
        return ExpectedCostTerm(self.factor / budget.max_latency, candidate_latencies(spaces, target, budget.profile()))


def candidate_latencies(spaces: Mapping[str, CellSpace], target: NetworkConfig, profile: Profile) -> dict[str, Tensor]:
    """Returns for each kind the seconds (E, K) that an (edge, operation) adds to all the target's cells of that kind.

    Raises:
        TargetError: An operation has a kind of unit that the profile has no measurement of.
    """
    states = _states(spaces, target)

    @cache
    def seconds(kind: str, operation: str, strided: bool) -> float:
        if operation == NONE:
            return 0.0
        found = 0.0
        for number, (channels, height, width) in states.items():
            if target.kind(number) == kind:
                reads = (
                    (channels, height, width) if strided or kind == "normal" else (channels, *_halved(height, width))
                )
                found += in_cell(operation, reads, 1 + strided, profile)
        return found

    tables = {
        kind: [
            [seconds(kind, name, kind == "reduction" and source < space.inputs) for name in space.operations]
            for source, _ in space.edges
        ]
        for kind, space in spaces.items()
    }
    return {kind: torch.tensor(table, dtype=torch.float32) for kind, table in tables.items()}


def _states(spaces: Mapping[str, CellSpace], target: NetworkConfig) -> dict[int, tuple[int, ...]]:
    """Number of each cell of the genotype -> shape of the input states that its edges read, strided or not."""
    candidates = all_candidates(spaces)
    if SKELETONS[target.skeleton].inputs == 1:  # cells of stride 1, whose output has the shape of their input
        numbers = [number for number in range(target.layers) if target.kind(number) == "normal"]
        graph = lower(candidates, target, features={str(number): number for number in numbers})
        return {number: graph.nodes[graph.outputs[str(number)]].shape for number in numbers}
    shapes = {origins.parse(name).place: node.shape for name, node in lower(candidates, target).nodes.items()}
    return {number: shapes[origins.Preprocessing(number, 1)] for number in range(target.layers)}


def _halved(height: int, width: int) -> tuple[int, int]:
    return -(-height // 2), -(-width // 2)
