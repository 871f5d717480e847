"""BN with the statistics of the whole batch, which several processes share.

PyTorch's own SyncBatchNorm computes the same, but on GPUs only, and with a counter that genocc's nets do not have; this
one runs wherever the processes can sum tensors.
"""

from __future__ import annotations

import torch
from torch import Tensor, distributed
from torch.distributed.nn.functional import all_reduce

from genocc.graph import Node
from genocc.nn.primitives import EMITTERS, BatchNorm2d, Emitters, TorchOp
from genocc.primitives import BatchNorm


class SyncBatchNorm2d(BatchNorm2d):
    """BN over the images of all processes, each of which has equally many.

    The variance is summed around the mean of all, in a second step, which is as exact as in one process. The gradients
    of both are summed over the processes as well.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and distributed.is_initialized()):
            return super().forward(x)
        wide = x if x.dtype == torch.float64 else x.float()  # as BN does under autocast
        processes = distributed.get_world_size()
        mean = _summed(wide.mean((0, 2, 3))) / processes
        centered = wide - mean[:, None, None]
        variance = _summed(centered.square().mean((0, 2, 3))) / processes
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


def _summed(values: Tensor) -> Tensor:
    """Sum over all processes, differentiable."""
    total: Tensor = all_reduce(values)  # type: ignore[no-untyped-call]
    return total


def _sync(norm: BatchNorm, node: Node) -> TorchOp:
    return TorchOp(SyncBatchNorm2d, EMITTERS[BatchNorm](norm, node).arguments)


SYNC_EMITTERS: Emitters = {**EMITTERS, BatchNorm: _sync}
"""Emitters of a net with synchronized BN."""
