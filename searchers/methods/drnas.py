"""DrNAS: the coefficients of an edge are drawn from a Dirichlet distribution, whose concentration is learned.

Chen, Wang, Cheng, Tang, Hsieh, ICLR 2021. A relaxation that draws, a penalty that keeps its concentration near that of
the uniform distribution, a schedule that searches in two stages (progressive learning), and the method that uses them.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import Generator, Tensor, distributions

from genocc.configuration import Rate, refuse
from genocc.runs.loop import Phase
from genocc.runs.randomness import preserved

from ..interface import BilevelSteps, CellSpace, Coefficients, DataShape, Masks
from ..method import Method
from ..parts import (
    ArchitectureConfig,
    ArchitectureParameters,
    Penalty,
    PenaltyTerm,
    Relaxation,
    Schedule,
    SpaceConfig,
    Stage,
    SuperNetConfig,
    WeightedSum,
    WeightsConfig,
)
from ..parts.relaxation import ArchitectureState, noisy_alphas
from ..parts.schedule import alternation
from ..registry import Composition

LOWEST = -80.0
"""Alphas below it count as it: float32 has no concentration exp(alpha) far below."""


class Dirichlet(Relaxation):
    """Coefficients of an edge drawn from a Dirichlet distribution with concentration ELU(alpha) + 1 (DrNAS).

    Attributes:
        alpha_noise: Standard deviation of the alphas before the search (from the DrNAS program).
    """

    name: Literal["dirichlet"] = "dirichlet"
    alpha_noise: Rate = 1e-3

    def build(self, spaces: Mapping[str, CellSpace], seed: int) -> DirichletParameters:
        return DirichletParameters(self, spaces, seed)


class DirichletParameters(ArchitectureParameters):
    """alpha (E, K) of each kind of cell.

    Args:
        config: The noise.
        spaces: Kind of cell -> its edges and operations.
        seed: Of the alphas' noise.
    """

    random: ClassVar[bool] = True

    def __init__(self, config: Dirichlet, spaces: Mapping[str, CellSpace], seed: int = 0) -> None:
        super().__init__()
        self.spaces = spaces
        self.alpha = noisy_alphas(config.alpha_noise, spaces, torch.Generator().manual_seed(seed))

    def coefficients(self, progress: float) -> dict[str, Coefficients]:
        """The mean of the distributions: beta over its sum."""
        return {kind: self._mean(kind) for kind in self.spaces}

    def draw(self, progress: float, generator: Generator) -> dict[str, Coefficients]:
        return {kind: self._draw(kind, generator) for kind in self.spaces}

    def concentration(self, kind: str) -> Tensor:
        """Returns beta (E, K) = ELU(alpha) + 1: alpha + 1 above zero, exp(alpha) below."""
        alpha = self.alpha[kind]
        return torch.where(alpha > 0, alpha + 1, alpha.clamp(LOWEST, 0).exp())

    def _mean(self, kind: str) -> Coefficients:
        beta = self.concentration(kind) * self.spaces[kind].candidate_mask(self.alpha[kind].device)
        mean = beta / beta.sum(1, keepdim=True).clamp_min(torch.finfo(beta.dtype).tiny)
        return Coefficients(mean.new_ones(len(mean)), mean, mean)

    def _draw(self, kind: str, generator: Generator) -> Coefficients:
        mean, beta = self._mean(kind), self.concentration(kind)
        competing = self.spaces[kind].candidate_mask(torch.device("cpu"))
        op = dirichlet(beta.cpu(), competing, generator).to(beta.device)
        return Coefficients(mean.edge, op, mean.importance, mask=competing.to(beta.device))


def dirichlet(beta: Tensor, competing: Tensor, generator: Generator) -> Tensor:
    """Returns a draw (E, K) of one Dirichlet distribution per row, with pathwise gradients; zeros where not competing.

    A part of a Dirichlet vector, scaled to sum one, has the Dirichlet distribution of that part: so the program, which
    draws all and scales what it has kept, draws the same.

    Args:
        beta: (E, K), on the CPU.
        competing: (E, K), bool.
        generator: Of the CPU.
    """
    seed = int(torch.randint(2**62, (), generator=generator))
    drawn, counts = torch.zeros_like(beta), competing.sum(1)
    with preserved():  # torch's distributions know no generator but the default one
        torch.default_generator.manual_seed(seed)
        for count in sorted({*counts.tolist()} - {0}):
            chosen = competing & (counts == count)[:, None]
            rows = distributions.Dirichlet(beta[chosen].view(-1, count), validate_args=False)
            drawn = drawn.masked_scatter(chosen, rows.rsample())
    return drawn


class Anchor(Penalty):
    """Lambda times the distance between the concentration and 1, the anchor, where all coefficients are as likely.

    Attributes:
        factor: Lambda (DrNAS: 0.001).
        distance: ``l2``: half the squared distance, summed over edges and operations; ``kl``: the Kullback-Leibler
            divergence of the distributions from the anchor's, summed over edges (DrNAS has both).
    """

    name: Literal["anchor"] = "anchor"
    factor: Rate = 1e-3
    distance: Literal["l2", "kl"] = "l2"

    def build(self, config: Composition, spaces: Mapping[str, CellSpace], data_shape: DataShape) -> PenaltyTerm | None:
        return AnchorTerm(self, spaces) if self.factor and isinstance(config.relaxation, Dirichlet) else None


class AnchorTerm(PenaltyTerm):
    """`Anchor`, of the candidates' concentrations."""

    def __init__(self, config: Anchor, spaces: Mapping[str, CellSpace]) -> None:
        super().__init__()
        self.config, self.spaces = config, spaces

    def forward(self, architecture: ArchitectureState) -> Tensor:
        parameters = architecture.parameters
        assert isinstance(parameters, DirichletParameters), "checked by Anchor"
        distance = {"l2": squared_distance, "kl": divergence}[self.config.distance]
        terms = []
        for kind, space in self.spaces.items():
            beta = parameters.concentration(kind)
            terms.append(distance(beta, space.candidate_mask(beta.device)))
        return self.config.factor * torch.stack(terms).sum()


def squared_distance(beta: Tensor, competing: Tensor) -> Tensor:
    """Returns half the squared distance of the concentrations (E, K) of what competes from 1."""
    return (beta - 1)[competing].square().sum() / 2


def divergence(beta: Tensor, competing: Tensor) -> Tensor:
    """Returns the sum over edges of KL(Dir(beta) || Dir(1)), of what competes.

    Args:
        beta: (E, K).
        competing: (E, K), bool.
    """
    beta = torch.where(competing, beta, torch.ones_like(beta))  # log Gamma(1) = 0, and 1 - 1 = 0: without effect below
    counts = competing.sum(1).clamp_min(1).to(beta)
    total = (beta * competing).sum(1).clamp_min(torch.finfo(beta.dtype).tiny)
    logs = total.lgamma() - beta.lgamma().sum(1) - counts.lgamma()
    return (logs + ((beta - 1) * (beta.digamma() - total.digamma()[:, None])).sum(1)).sum()


class ProgressiveChannels(Schedule):
    """Stages: in each, fewer operations per edge compete, on more of the channels (DrNAS, progressive learning).

    The stages have the same number of epochs. An architecture and a weight step alternate, as in DARTS.

    Attributes:
        warmup: Fraction of each stage's epochs without architecture steps (from the DrNAS program: 10 of 25).
        partial: K of each stage after the first, whose K is ``connection.partial`` (DrNAS: 6, then 4; on ImageNet 3).
            Empty: a single stage.
        operations: Operations per edge that go on into each of those stages: the strongest (DrNAS: 7, then 4).
    """

    name: Literal["progressive-channels"] = "progressive-channels"
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.4
    partial: tuple[PositiveInt, ...] = (4,)
    operations: tuple[PositiveInt, ...] = (4,)

    @model_validator(mode="after")
    def _as_many(self) -> Self:
        if len(self.partial) != len(self.operations):
            refuse(
                f"schedule.partial has {len(self.partial)} stages, schedule.operations {len(self.operations)}; "
                "expected one number of each for every stage after the first"
            )
        return self

    def check(self, config: Composition) -> None:
        if not self.partial:
            return
        if config.connection.name != "weighted-sum":
            refuse(
                f"schedule.partial with connection.name={config.connection.name}: the stages change "
                "connection.partial; use connection.name=weighted-sum"
            )
        for ratio in self.partial:
            if config.supernet.channels % ratio:
                refuse(
                    f"schedule.partial={ratio} does not fit supernet.channels={config.supernet.channels}; choose a "
                    f"multiple of {ratio}"
                )

    def phases(self, epoch: int, weight_steps: int, architecture_steps: int) -> list[Phase[BilevelSteps]]:
        return [alternation(epoch >= round(self.warmup * self.epochs), weight_steps)]

    def stages(self, config: Composition) -> tuple[Stage, ...]:
        number = 1 + len(self.partial)
        ends = [self.epochs * stage // number for stage in range(number + 1)]
        first, *later = (end - begin for begin, end in pairwise(ends))
        grown = zip(later, self.partial, strict=True)
        return (
            Stage(first),
            *(Stage(epochs, {"connection": {"partial": ratio}}, continues=True) for epochs, ratio in grown),
        )

    def candidates(
        self, stage: int, spaces: Mapping[str, CellSpace], coefficients: Mapping[str, Coefficients]
    ) -> Masks:
        kept = {}
        for kind, competing in super().candidates(stage, spaces, coefficients).items():
            importance = coefficients[kind].importance.masked_fill(~competing, -1)
            order = importance.argsort(dim=1, descending=True, stable=True)[:, : self.operations[stage - 1]]
            kept[kind] = torch.zeros_like(competing).scatter(1, order, True) & competing
        return kept


class DrNas(Method):
    """DrNAS: an edge's coefficients come from a learned Dirichlet distribution; two stages, ever more channels."""

    name = "drnas"
    paper = "Chen et al., DrNAS, ICLR 2021"
    space = SpaceConfig(name="darts-no-zero")
    relaxation = Dirichlet()
    connection = WeightedSum(partial=6)
    schedule = ProgressiveChannels()
    penalties = (Anchor(),)
    supernet = SuperNetConfig(channels=36, layers=20)
    weights = WeightsConfig(learning_rate=0.1, learning_rate_end=0.0)
    architecture = ArchitectureConfig(learning_rate=6e-4, weight_decay=0.0)  # the anchor's penalty is in its place
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "quick": {"connection": {"partial": 4}, "schedule": {"partial": (2,)}},
        "imagenet": {
            "schedule": {"partial": (3,), "batch_size": 512},
            "supernet": {"channels": 48, "layers": 14},
            "data": {"validation": 0.025},
        },
        # 16 channels, which 6 does not divide
        "nas-bench-201": {"connection": {"partial": 4}, "schedule": {"partial": (2,)}},
    }
