"""P-DARTS: a search in stages, among ever fewer operations in an ever deeper net, with skips held back.

Chen, Xie, Wu, Tian: Progressive Differentiable Architecture Search: Bridging the Depth Gap between Search and
Evaluation, ICCV 2019. docs/methods/p-darts.md has the formulas and how the paper was read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn import functional

from genocc.configuration import Epochs, Rate, refuse
from genocc.runs.loop import Phase

from ..arithmetic.factory import ModuleFactory
from ..arithmetic.features import Feature
from ..interface import BilevelSteps, CellSpace, Coefficients, DerivationContext, Masks
from ..method import Method
from ..parts import (
    ArchitectureConfig,
    Channels,
    Connection,
    Derivation,
    Schedule,
    Stage,
    SuperNetConfig,
    WeightsConfig,
)
from ..parts.derivation import best_of_edges, candidates, mask_of, strongest_of_nodes
from ..parts.schedule import alternation
from ..registry import Composition

SKIP = "skip_connect"

EPOCHS = 25
"""Epochs of a stage in the paper; the program's linear fall of dropout ends one of them early."""

Share = Annotated[float, Field(ge=0, lt=1)]


class SkipDropout(Connection):
    """Every operation on all channels; dropout follows the skips, less and less of it (P-DARTS 3.2.2).

    Attributes:
        dropout: Rate p_0 of the first epoch of each stage, of single values of a skip of stride 1 on its way to a node.
            `progressive` adds its own, stage by stage.
        dropout_warmup: Fraction of a stage in which the rate falls linearly, while alpha rests; then it is back at p_0
            and falls exponentially (from its program; `progressive` sets it to its own warm-up).
        dropout_decay: Exponent of that fall over a whole stage: p_0 exp(-decay (progress - warm-up)). Its program has
            0.2 per epoch, 25 epochs per stage: 5.
    """

    name: Literal["skip-dropout"] = "skip-dropout"
    dropout: Share = 0.0
    dropout_warmup: Annotated[float, Field(ge=0, le=1)] = 0.4
    dropout_decay: Rate = 5.0

    def check(self, config: Composition) -> None:
        if SKIP in config.space.operations and config.supernet.channels % 2:
            refuse(
                f"connection.name=skip-dropout does not fit supernet.channels={config.supernet.channels}: a factorized "
                "reduce halves them; choose a multiple of 2"
            )

    def channels(self, space: CellSpace, factory: ModuleFactory, channels: int) -> Channels:
        return DroppedSkips(channels, self)

    def rate(self, progress: float) -> float:
        """Returns the rate of dropout.

        Args:
            progress: Epochs done over epochs planned, of the stage.
        """
        if progress < self.dropout_warmup:
            return self.dropout * max(0.0, 1 - 1 / EPOCHS - progress)
        return self.dropout * math.exp(-self.dropout_decay * (progress - self.dropout_warmup))


class DroppedSkips(Channels):
    """States unchanged, and dropout on the values of skips, each edge's its own."""

    def __init__(self, channels: int, config: SkipDropout) -> None:
        super().__init__(channels)
        self.config = config

    def feature(self, operation: str, stride: int, feature: Feature) -> Feature:
        rate = self.config.rate(self.progress)
        if operation != SKIP or stride != 1 or not self.training or not rate:
            return feature
        if self.share is None:
            return Feature(functional.dropout(feature.map, rate))
        kept = self.share.drawn(lambda shape: functional.dropout(feature.map.new_ones(shape), rate), feature.map)
        return Feature(feature.map * kept)


class LimitedSkips(Derivation):
    """The top k edges per node, at most M of a normal cell's being skips (P-DARTS 3.2.2).

    As long as there are more, the weakest skip of the cell is no candidate any more, and all is chosen anew.

    Attributes:
        edges_per_node: k; all papers have 2.
        skips: M: how many skips a normal cell has at most (2). An edge that could only be a skip leaves the cell.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"nas-bench-201": {"edges_per_node": 3}}

    name: Literal["limited-skips"] = "limited-skips"
    edges_per_node: int = Field(default=2, ge=1)
    skips: int = Field(default=2, ge=0)

    @property
    def within_edges(self) -> bool:
        return True

    def select(
        self,
        spaces: Mapping[str, CellSpace],
        coefficients: Mapping[str, Coefficients],
        context: DerivationContext | None,
    ) -> Masks:
        limits = {"normal": self.skips}
        return {kind: self._cell(space, coefficients[kind], limits.get(kind)) for kind, space in spaces.items()}

    def _cell(self, space: CellSpace, coefficients: Coefficients, limit: int | None) -> Tensor:
        alive = candidates(space, coefficients)
        while True:
            kept = strongest_of_nodes(space, alive, best_of_edges(alive), self.edges_per_node)
            skips = [choice for choice in kept if space.operations[choice[1]] == SKIP]
            if limit is None or len(skips) <= limit:
                return mask_of(space, kept, coefficients)
            del alive[min(skips, key=lambda choice: alive[choice])]


class Progressive(Schedule):
    """Stages, each with a new net of more cells, among the operations that were strongest in the one before.

    Each stage is DARTS' alternation after a warm-up. Alpha and w begin anew in each (P-DARTS 3.2.1, its program).

    Attributes:
        epochs: Of all stages together, each having an equal share (75: 25 each).
        batch_size: Images per step, of either kind (96).
        warmup: Fraction of each stage without architecture steps (10 of 25 epochs).
        operations: How many operations an edge keeps in the second, the third, .. stage (5, 3 of 8); the weakest leave.
        add_layers: Cells in each stage beyond ``supernet.layers`` (0, 6, 12: 5, 11 and 17 cells).
        add_channels: The same for ``supernet.channels`` (from its program: 0, 0, 0).
        add_dropout: The same for ``connection.dropout`` (0, 0.4, 0.7; on CIFAR-100 0.1, 0.2, 0.3).
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {"warmup": 0.25, "add_layers": (0, 1, 2)}  # four epochs per stage
    }

    name: Literal["progressive"] = "progressive"
    epochs: Epochs = 75
    batch_size: int = Field(default=96, ge=2)
    warmup: Share = 0.4
    operations: tuple[Annotated[int, Field(ge=1)], ...] = (5, 3)
    add_layers: tuple[Annotated[int, Field(ge=0)], ...] = (0, 6, 12)
    add_channels: tuple[Annotated[int, Field(ge=0)], ...] = (0, 0, 0)
    add_dropout: tuple[Share, ...] = (0.0, 0.4, 0.7)

    @model_validator(mode="after")
    def _as_many_stages(self) -> Self:
        for name in ("add_layers", "add_channels", "add_dropout"):
            if len(found := getattr(self, name)) != len(self.operations) + 1:
                refuse(
                    f"schedule.{name}: found {len(found)} stages; schedule.operations={list(self.operations)} makes "
                    f"{len(self.operations) + 1}, the first of which has all operations"
                )
        return self

    def check(self, config: Composition) -> None:
        numbers = [len(config.space.operations), *self.operations]
        if any(after > before for before, after in pairwise(numbers)):
            refuse(
                f"schedule.operations={list(self.operations)} with {numbers[0]} operations in the search space: a "
                "stage can only have as many as the one before, or fewer"
            )
        if numbers[-1] < 2 and "none" in config.space.operations:
            refuse(
                f"schedule.operations={list(self.operations)} with 'none' in the search space: an edge might be left "
                "with it alone; keep 2, or use a space without it, such as space=darts-no-zero"
            )
        if any(self.add_dropout) and not isinstance(config.connection, SkipDropout):
            refuse(
                f"schedule.add_dropout={list(self.add_dropout)} with connection.name={config.connection.name}, which "
                "has no dropout; use connection.name=skip-dropout, or zeros"
            )

    def phases(self, epoch: int, weight_steps: int, architecture_steps: int) -> list[Phase[BilevelSteps]]:
        return [alternation(epoch >= self._warmup(self.epochs), weight_steps)]

    def stages(self, config: Composition) -> tuple[Stage, ...]:
        number = len(self.add_layers)
        ends = [round(self.epochs * stage / number) for stage in range(number + 1)]
        return tuple(
            Stage(after - before, self._settings(stage, after - before, config), carry=False)
            for stage, (before, after) in enumerate(pairwise(ends))
        )

    def candidates(
        self, stage: int, spaces: Mapping[str, CellSpace], coefficients: Mapping[str, Coefficients]
    ) -> Masks:
        number = self.operations[stage - 1]
        return {kind: strongest(space, coefficients[kind], number) for kind, space in spaces.items()}

    def _settings(self, stage: int, epochs: int, config: Composition) -> dict[str, Any]:
        supernet = {
            "layers": config.supernet.layers + self.add_layers[stage],
            "channels": config.supernet.channels + self.add_channels[stage],
        }
        if not isinstance(config.connection, SkipDropout):
            return {"supernet": supernet}
        connection = {
            "dropout": config.connection.dropout + self.add_dropout[stage],
            "dropout_warmup": self._warmup(epochs) / max(epochs, 1),
        }
        return {"supernet": supernet, "connection": connection}

    def _warmup(self, epochs: int) -> int:
        return round(self.warmup * epochs)


def strongest(space: CellSpace, coefficients: Coefficients, number: int) -> Tensor:
    """Returns the mask (E, K) of the ``number`` strongest candidates of each edge; of equals, the first leave.

    ``none`` is one like the others.
    """
    importance = coefficients.importance.tolist()
    mask = torch.zeros(len(space.edges), len(space.operations), dtype=torch.bool)
    for edge, row in enumerate(importance):
        competing = [operation for operation in range(len(row)) if space.competes(edge, operation)]
        for operation in _without_weakest(competing, row, len(competing) - number):
            mask[edge, operation] = True
    return mask.to(coefficients.op.device)


def _without_weakest(competing: Sequence[int], weights: Sequence[float], number: int) -> list[int]:
    weakest = sorted(competing, key=lambda operation: weights[operation])[: max(number, 0)]
    return [operation for operation in competing if operation not in weakest]


class PDarts(Method):
    """P-DARTS: three stages with 8, 5 and 3 operations in 5, 11 and 17 cells; skips are dropped out and limited."""

    name = "p-darts"
    paper = "Chen et al., Progressive DARTS, ICCV 2019"
    connection = SkipDropout()
    derivation = LimitedSkips()
    schedule = Progressive()
    supernet = SuperNetConfig(layers=5)
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"nas-bench-201": {"supernet": {"layers": 5}}}
    weights = WeightsConfig(learning_rate_end=0.0)
    architecture = ArchitectureConfig(learning_rate=6e-4)
