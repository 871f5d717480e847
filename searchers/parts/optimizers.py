"""Optimizers: SGD for the weights, Adam for the architecture."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated

import torch
from pydantic import Field
from torch.nn import Parameter

from genocc.configuration import Part, Rate
from genocc.training.optimization import SgdConfig, half_cosine


class WeightsConfig(SgdConfig):
    """SGD with momentum for w, its learning rate following a cosine over the epochs.

    Attributes:
        learning_rate: Of the first epoch (DARTS 0.025; PC-DARTS 4.2: 0.1; EnTranNAS 4.2: 0.2).
        learning_rate_end: Of the last (DARTS 0.001; PC-DARTS and EnTranNAS: 0).
        momentum: 0.9 in all papers.
        weight_decay: 3e-4 (PC-DARTS 4.3, on ImageNet: 3e-5).
        clip: Largest norm of the gradient (from the DARTS program: 5).
    """

    learning_rate_end: Rate = 0.001

    def rate(self, epoch: int, epochs: int) -> float:
        """Returns the learning rate of epoch 0, 1, ..: a cosine from ``learning_rate`` to ``learning_rate_end``."""
        return self.decayed(half_cosine(math.pi * epoch / epochs))


class ArchitectureConfig(Part):
    """Adam for alpha and beta, its learning rate constant.

    Attributes:
        learning_rate: DARTS and EC-DARTS 5.3: 3e-4; PC-DARTS 4.2 and EnTranNAS 4.2: 6e-4; on ImageNet 6e-3.
        betas: (0.5, 0.999) in all papers that say it (PC-DARTS 4.2, EnTranNAS 4.2).
        weight_decay: 1e-3 in all papers.
    """

    learning_rate: float = Field(default=3e-4, gt=0)
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.5, 0.999)
    weight_decay: Rate = 1e-3

    def optimizer(self, parameters: Iterable[Parameter]) -> torch.optim.Adam:
        """Returns Adam over alpha and beta."""
        return torch.optim.Adam(parameters, lr=self.learning_rate, betas=self.betas, weight_decay=self.weight_decay)
