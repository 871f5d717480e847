"""GDAS: each step trains one drawn sub-graph, and the draw is differentiable (Dong & Yang, CVPR 2019).

A relaxation that draws one operation per edge with the Gumbel-max trick, and the method that uses it. Drawn is once
per step and kind of cell; `genocc.searchers.supernet` computes what was drawn and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Generator, Tensor
from torch.nn import functional

from genocc.configuration import Rate, refuse

from ..interface import CellSpace, Coefficients
from ..method import Method
from ..parts import AlternatingSchedule, ArchitectureParameters, Relaxation
from ..parts.relaxation import among_candidates, noisy_alphas


class Gumbel(Relaxation):
    """One operation per edge, drawn from the softmax of alpha; gradients are those of a Gumbel-softmax (GDAS).

    Attributes:
        temperature: tau of the first epoch (GDAS: 10).
        temperature_end: tau at the end, approached linearly over the epochs (GDAS: 0.1).
        alpha_noise: Standard deviation of the alphas before the search (from the GDAS program).
    """

    name: Literal["gumbel"] = "gumbel"
    temperature: float = Field(default=10.0, gt=0)
    temperature_end: float = Field(default=0.1, gt=0)
    alpha_noise: Rate = 1e-3

    @model_validator(mode="after")
    def _falls(self) -> Self:
        if self.temperature_end > self.temperature:
            refuse(
                f"relaxation.temperature_end={self.temperature_end:g} above relaxation.temperature="
                f"{self.temperature:g}: the temperature falls over the epochs; exchange the two"
            )
        return self

    def build(self, spaces: Mapping[str, CellSpace], seed: int) -> GumbelParameters:
        return GumbelParameters(self, spaces, seed)


class GumbelParameters(ArchitectureParameters):
    """alpha (E, K) of each kind of cell.

    Args:
        config: Temperatures and noise.
        spaces: Kind of cell -> its edges and operations.
        seed: Of the alphas' noise.
    """

    random: ClassVar[bool] = True

    def __init__(self, config: Gumbel, spaces: Mapping[str, CellSpace], seed: int = 0) -> None:
        super().__init__()
        self.config, self.spaces = config, spaces
        self.alpha = noisy_alphas(config.alpha_noise, spaces, torch.Generator().manual_seed(seed))

    def coefficients(self, progress: float) -> dict[str, Coefficients]:
        """The mean of the draws: the softmax of alpha, whatever the temperature."""
        return {kind: self._mean(kind) for kind in self.spaces}

    def draw(self, progress: float, generator: Generator) -> dict[str, Coefficients]:
        return {kind: self._draw(kind, self.temperature(progress), generator) for kind in self.spaces}

    def temperature(self, progress: float) -> float:
        """Returns tau, which falls linearly over the search."""
        first, last = self.config.temperature, self.config.temperature_end
        return first - progress * (first - last)

    def numbers(self, progress: float) -> dict[str, Any]:
        return {"temperature": self.temperature(progress)}

    def _mean(self, kind: str) -> Coefficients:
        p = among_candidates(self.spaces[kind], self.alpha[kind]).softmax(1)
        return Coefficients(p.new_ones(len(p)), p, p)

    def _draw(self, kind: str, temperature: float, generator: Generator) -> Coefficients:
        """h of the paper: one-hot, with the gradient of the soft h; what is not drawn hands no gradient back."""
        mean = self._mean(kind)
        log_p = among_candidates(self.spaces[kind], self.alpha[kind]).log_softmax(1)
        soft = among_candidates(self.spaces[kind], (log_p + gumbel(log_p, generator)) / temperature).softmax(1)
        drawn = functional.one_hot(soft.argmax(1), soft.shape[1])
        op = drawn + (soft - soft.detach())  # exactly 1 and 0
        return Coefficients(mean.edge, op, mean.importance, mask=drawn.bool())


def gumbel(like: Tensor, generator: Generator) -> Tensor:
    """Returns independent Gumbel(0, 1) numbers, -log(-log u) with u uniform, of a tensor's shape, type and device."""
    uniform = torch.rand(like.shape, generator=generator, dtype=torch.float64)
    return (-(-uniform.log()).log()).to(like)


class Gdas(Method):
    """GDAS: a step computes one drawn operation per edge; the draw is differentiable by a Gumbel-softmax."""

    name = "gdas"
    paper = "Dong & Yang, GDAS, CVPR 2019"
    relaxation = Gumbel()
    schedule = AlternatingSchedule(epochs=250)
    # a step trains an eighth of the candidates and costs less: four times as many steps; at 0.05 the loss rises
    quick: ClassVar[Mapping[str, Any]] = {
        "schedule": {"epochs": 24, "batch_size": 32},
        "weights": {"learning_rate": 0.01},
    }
