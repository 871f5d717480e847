"""The gradient that ends the process with some versions of oneDNN: of a 1x1 weight, in a convolution with a stride."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

CONVOLUTION_BACKWARD = torch.ops.aten.convolution_backward.default


def is_strided(weight: Tensor, stride: Sequence[int], wanted: Sequence[bool]) -> bool:
    """Whether arguments of ``CONVOLUTION_BACKWARD`` ask for that gradient."""
    return wanted[1] and tuple(weight.shape[2:]) == (1, 1) and set(stride) != {1}


class StridedGradients(TorchDispatchMode):
    """Notes which of the convolutions' gradients within the context are such.

    Attributes:
        seen: The number of all.
        strided: The shapes of the weights.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0
        self.strided: list[tuple[int, ...]] = []

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if function is CONVOLUTION_BACKWARD:
            self.seen += 1
            if is_strided(args[2], args[4], args[10]):
                self.strided.append(tuple(args[2].shape))
        return function(*args, **(kwargs or {}))
