"""BN with the statistics of the whole batch, which several processes share.

PyTorch's own SyncBatchNorm computes the same, but on GPUs only, and with a counter that genocc's nets do not have; this
one runs wherever the processes can sum tensors.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from genocc.graph import Node
from genocc.nn.primitives import EMITTERS, BatchNorm2d, Emitters, TorchOp
from genocc.primitives import BatchNorm


class SyncBatchNorm2d(BatchNorm2d):
    """BN over the images of all processes, each of which has equally many.

    The variance is summed around the mean of all, in a second step, which is as exact as in one process. The gradients
    of both are those of the sum of all processes' losses.
    """

    synchronized = True

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and distributed.is_initialized()):
            return super().forward(x)
        wide = x if x.dtype == torch.float64 else x.float()  # as BN does under autocast
        processes = distributed.get_world_size()
        (mean,) = mean_over_processes(wide.mean((0, 2, 3)))
        centered = wide - mean[:, None, None]
        (variance,) = mean_over_processes(centered.square().mean((0, 2, 3)))
        self._follow(mean.detach(), variance.detach(), processes * x.numel() // x.shape[1])
        scale = (variance + self.eps).rsqrt()
        if self.affine:
            scale = scale * self.weight
        normalized: Tensor = centered * scale[:, None, None]
        if self.affine:
            normalized = normalized + self.bias[:, None, None]
        return normalized.to(x.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor, count: int) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        self.running_mean.lerp_(mean.to(self.running_mean), self.momentum)
        self.running_var.lerp_((variance * count / (count - 1)).to(self.running_var), self.momentum)


def mean_over_processes(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Returns the means of tensors over all processes, in one exchange; differentiable once.

    Every process depends on the means, so a tensor's gradient is the mean of the gradients that the processes have for
    its mean: that of the sum of their losses.
    """
    means: tuple[Tensor, ...] = _Mean.apply(*tensors)
    return means


class _Mean(Function):
    @staticmethod
    def forward(ctx: Any, *tensors: Tensor) -> tuple[Tensor, ...]:
        return _exchanged(tensors)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        return _exchanged(gradients)


def _exchanged(tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    together = torch.cat([tensor.flatten() for tensor in tensors])
    distributed.all_reduce(together)
    parts = torch.split(together.div_(distributed.get_world_size()), [tensor.numel() for tensor in tensors])
    return tuple(part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True))


def _sync(norm: BatchNorm, node: Node) -> TorchOp:
    return TorchOp(SyncBatchNorm2d, EMITTERS[BatchNorm](norm, node).arguments)


SYNC_EMITTERS: Emitters = {**EMITTERS, BatchNorm: _sync}
"""Emitters of a net with synchronized BN."""
