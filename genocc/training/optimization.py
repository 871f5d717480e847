"""What searches and trainings share of their optimization: SGD, the precision of features, the check for NaN."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import Parameter

from genocc.configuration import Part, Rate


class SgdConfig(Part):
    """SGD with momentum, without Nesterov's.

    Attributes:
        learning_rate: At its height.
        learning_rate_end: Of the end.
        momentum: 0.9 in all papers.
        weight_decay: 3e-4 on CIFAR-10 in all papers.
        clip: Largest norm of the gradient.
    """

    learning_rate: float = Field(default=0.025, gt=0)
    learning_rate_end: Rate = 0.0
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: Rate = 3e-4
    clip: float = Field(default=5.0, gt=0)

    def optimizer(self, parameters: Iterable[Parameter]) -> torch.optim.SGD:
        """Returns SGD over some parameters."""
        return torch.optim.SGD(
            parameters, lr=self.learning_rate, momentum=self.momentum, weight_decay=self.weight_decay
        )


def autocast(precision: str, device: torch.device) -> AbstractContextManager[Any]:
    """Returns the context in which features are computed in a precision; weights keep theirs.

    Args:
        precision: ``bfloat16`` or ``float16``; any other leaves features as they are.
        device: Where they are computed.
    """
    low = torch.float16 if precision == "float16" else torch.bfloat16
    return torch.autocast(device.type, dtype=low, enabled=precision in ("bfloat16", "float16"))


def all_finite(tensors: Iterable[Tensor]) -> bool:
    """Whether no floating-point tensor holds NaN or an infinity; waits for the device."""
    flags = [tensor.isfinite().all() for tensor in tensors if tensor.is_floating_point()]
    return bool(torch.stack(flags).all())
