"""Penalties: the budget of the target net, and its expected MACs as a term of the architecture's loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import torch
from pydantic import PositiveInt, model_validator
from torch import Tensor, nn

from genocc.configuration import Part, Rate, refuse
from genocc.counting import count
from genocc.genotype import Cell, Edge, Genotype
from genocc.network import NetworkConfig, SkeletonName

from ..interface import CellSpace, Coefficients, DataShape


class BudgetConfig(Part):
    """Budget of deployers, which none of the papers has: costs at the target skeleton, by genocc's own counts.

    Attributes:
        penalty_macs: Factor X of the expected MACs over the budget in the architecture loss; 0: none.
        max_macs: The budget of the target net; also what the expected MACs are divided by.
        max_params: The same for its parameters.
        skeleton: The target net's skeleton.
        channels: Its C; None: the skeleton's default.
        layers: Its number of cells; None: the skeleton's default.
    """

    penalty_macs: Rate = 0.0
    max_macs: PositiveInt | None = None
    max_params: PositiveInt | None = None
    skeleton: SkeletonName = "cifar"
    channels: PositiveInt | None = None
    layers: PositiveInt | None = None

    @model_validator(mode="after")
    def _divisor(self) -> Self:
        if self.penalty_macs and not self.max_macs:
            refuse("budget.penalty_macs needs budget.max_macs: the expected MACs are measured against it")
        return self

    def target(self, **sizes: Any) -> NetworkConfig:
        """Returns the target net's configuration; ``sizes`` are classes, input_size and input_channels."""
        return NetworkConfig.make(skeleton=self.skeleton, channels=self.channels, layers=self.layers, **sizes)


class ExpectedMacs(nn.Module):
    """The sum of coefficient x MACs of each (edge, operation) at the target skeleton, over the budget, times a factor.

    Args:
        budget: The factor, the budget and the target skeleton.
        spaces: Kind of cell -> its edges and operations.
        data_shape: Sizes of images and classes.
    """

    def __init__(self, budget: BudgetConfig, spaces: Mapping[str, CellSpace], data_shape: DataShape) -> None:
        super().__init__()
        assert budget.max_macs is not None, "checked by BudgetConfig"
        self.factor = budget.penalty_macs / budget.max_macs
        target = budget.target(
            classes=data_shape.classes, input_channels=data_shape.channels, input_size=data_shape.size
        )
        for kind, macs in candidate_macs(spaces, target).items():
            self.register_buffer(kind, macs, persistent=False)

    def forward(self, coefficients: Mapping[str, Coefficients]) -> Tensor:
        """Returns the penalty, a scalar."""
        terms = [(found.edge[:, None] * found.op * self.get_buffer(kind)).sum() for kind, found in coefficients.items()]
        return self.factor * torch.stack(terms).sum()


def candidate_macs(spaces: Mapping[str, CellSpace], target: NetworkConfig) -> dict[str, Tensor]:
    """Returns for each kind the MACs (E, K) that an (edge, operation) has in all the target's cells of that kind."""
    whole = Genotype(name="all candidates", cells={kind: _whole_cell(space) for kind, space in spaces.items()})
    macs = {(e.cell, e.source, e.target, e.op): e.cost.macs for e in count(whole, target).by_edge}
    rows = {
        kind: [[macs.get((kind, *edge, name), 0) for name in space.operations] for edge in space.edges]  # `none`: 0
        for kind, space in spaces.items()
    }
    return {kind: torch.tensor(table, dtype=torch.float32) for kind, table in rows.items()}


def _whole_cell(space: CellSpace) -> Cell:
    names = [name for name in space.operations if name != "none"]
    nodes: list[list[Edge]] = [[] for _ in range(space.nodes)]
    for source, target in space.edges:
        nodes[target - space.inputs] += [Edge.model_validate({"op": name, "from": source}) for name in names]
    concat = tuple(range(space.inputs, space.inputs + space.nodes))
    return Cell(inputs=space.inputs, nodes=tuple(map(tuple, nodes)), concat=concat)
