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
from torch.nn import functional

from genocc.graph import Node
from genocc.nn.primitives import EMITTERS, BatchNorm2d, Emitters, TorchOp
from genocc.primitives import BatchNorm


class SyncBatchNorm2d(BatchNorm2d):
    """BN over the images of all processes, each of which has equally many.

    Statistics and gradients are those of the whole batch and of the sum of all processes' losses. They cost one
    exchange forward and one backward.
    """

    synchronized = True

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and distributed.is_initialized()):
            return super().forward(x)
        wide = x if x.dtype == torch.float64 else x.float()  # as BN does under autocast
        normalized, mean, variance = _BatchNorm.apply(wide, self.weight, self.bias, self.eps)
        self._follow(mean, variance, distributed.get_world_size() * x.numel() // x.shape[1])
        result: Tensor = normalized.to(x.dtype)
        return result

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor, count: int) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        self.running_mean.lerp_(mean.to(self.running_mean), self.momentum)
        self.running_var.lerp_((variance * count / (count - 1)).to(self.running_var), self.momentum)


class _BatchNorm(Function):
    """The kernels of PyTorch's BN, with the statistics of all processes between them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float) -> tuple[Tensor, ...]:
        mean, variance = _statistics(x)
        ctx.save_for_backward(x, weight, mean, variance)
        ctx.eps = eps
        ctx.mark_non_differentiable(mean, variance)
        return functional.batch_norm(x, mean, variance, weight, bias, eps=eps), mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, variance = ctx.saved_tensors
        # With given statistics the kernel's gradient of x is what flows past them, and the other two are the sums over
        # the images of this process, of gradient * normalized and of gradient.
        past, scaled, plain = torch.ops.aten.native_batch_norm_backward(
            gradient, x, weight, mean, variance, None, None, False, ctx.eps, (ctx.needs_input_grad[0], True, True)
        )
        if ctx.needs_input_grad[0]:
            images = x.numel() // x.shape[1]
            means = torch.stack(_exchanged((scaled / images, plain / images)))
            scale = (variance + ctx.eps).rsqrt()
            slope, shift = means * (scale if weight is None else scale * weight)
            past -= functional.batch_norm(x, mean, variance, slope, shift, eps=ctx.eps)
        return past, None if weight is None else scaled, None if weight is None else plain, None


def _statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Returns each channel's mean and variance over the images of all processes."""
    mine = torch.stack(torch.batch_norm_update_stats(x, None, None, 0.0))
    found = [torch.empty_like(mine) for _ in range(distributed.get_world_size())]
    distributed.all_gather(found, mine)
    means, variances = torch.stack(found).unbind(1)
    mean = means.mean(0)
    return mean, (variances + (means - mean).square()).mean(0)


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
