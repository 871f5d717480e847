"""Random search without a search: cells drawn uniformly from the space, the baseline of every table.

The same derivation rule as elsewhere is given importances that are independent and uniform in [0, 1). With `top-k` each
node so gets a uniformly random set of edges, and each of these a uniformly random operation, never `none`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor

from genocc.configuration import Epochs, refuse
from genocc.runs.loop import Phase

from ..interface import BilevelSteps, CellSpace, Coefficients
from ..method import Method
from ..parts import ArchitectureParameters, Relaxation, Schedule
from ..registry import Composition


class Uniform(Relaxation):
    """Importances that are independent and uniform in [0, 1), and never learned."""

    name: Literal["uniform"] = "uniform"

    def build(self, spaces: Mapping[str, CellSpace], seed: int) -> UniformImportances:
        return UniformImportances(spaces, seed)

    def check(self, config: Composition) -> None:
        if config.schedule.trains:
            refuse(
                f"relaxation.name=uniform with schedule.name={config.schedule.name}: it has nothing that could be "
                "learned; use schedule.name=no-training"
            )


class UniformImportances(ArchitectureParameters):
    """The importances of all kinds of cells; no parameters.

    Args:
        spaces: Kind of cell -> its edges and operations.
        seed: Of the importances.
    """

    def __init__(self, spaces: Mapping[str, CellSpace], seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.importance: dict[str, Tensor] = {
            kind: torch.rand(len(space.edges), len(space.operations), dtype=torch.float64, generator=generator)
            for kind, space in spaces.items()
        }

    def coefficients(self, progress: float) -> dict[str, Coefficients]:
        return {
            kind: Coefficients(torch.ones(len(of)), torch.ones_like(of), of) for kind, of in self.importance.items()
        }


class NoTraining(Schedule):
    """No super-net, no steps: the derivation is asked once, of what the relaxation has from the beginning.

    Attributes:
        epochs: Without meaning here: the history has one line.
        batch_size: Without meaning here.
        order: Without meaning here.
        auxiliary_coefficients: Without meaning here.
    """

    trains: ClassVar[bool] = False

    name: Literal["no-training"] = "no-training"
    epochs: Epochs = 1

    def phases(self, epoch: int, weight_steps: int, architecture_steps: int) -> list[Phase[BilevelSteps]]:
        return []

    def check(self, config: Composition) -> None:
        if config.relaxation.name != "uniform":
            refuse(
                f"schedule.name=no-training with relaxation.name={config.relaxation.name}: nothing would be learned; "
                "use relaxation.name=uniform, whose cells are random on purpose"
            )
        if config.derivation.looks:
            refuse(
                f"schedule.name=no-training with derivation.name={config.derivation.name}: there is no net to look at"
            )


class Random(Method):
    """Random: uniformly drawn cells, derived as others are; within the budget if there is one. The baseline."""

    name = "random"
    paper = "Li and Talwalkar, UAI 2019; Yu et al., ICLR 2020"
    relaxation = Uniform()
    schedule = NoTraining()
