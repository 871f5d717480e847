"""Feature maps in the layout of a super-net, and the two functions that nearly all of its work goes through.

A map is a contiguous tensor (B, H, W, F, C): B x F images, F of them folded beside the channels. Seen pixel by pixel
it is a matrix (pixels, C), which is all that 1x1 convolutions, BN and weighted sums need; seen as (B, F*C, H, W) it is
an ordinary channels-last batch, in which depthwise convolutions and pools treat F images as if they were more
channels. Cells of few channels (16 in stage one, 4 behind a bottleneck) fill a CPU's vector registers only in this way.

BN after a 1x1 convolution W of a map z never needs W z. Its mean is W m and its variance the diagonal of W Cov W^T,
where m and Cov are the mean and covariance of z; and what is then added to a node, coefficient * BN(W z), is again a
matrix product, z A + b with A = (coefficient / deviation * W)^T. So a whole node, with the last convolution and BN
of each candidate, is one sum of matrix products, and of each candidate only z is kept for the backward pass.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import gcd
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from genocc.runs.processes import Processes

LANES = 64
"""Channels, folded images included, from which on CPU kernels are fast (measured on AVX-512 and AVX2)."""


def fold(x: Tensor, channels: int) -> Tensor:
    """Returns a batch (N, C, H, W) as a map; F is chosen for cells that work on ``channels`` channels."""
    folded = folding(x.shape[0], channels, x.device)
    batch, (c, height, width) = x.shape[0] // folded, x.shape[1:]
    return x.reshape(batch, folded, c, height, width).permute(0, 3, 4, 1, 2).contiguous()


def folding(images: int, channels: int, device: torch.device) -> int:
    """Returns F of maps of a batch, for cells that work on ``channels`` channels."""
    return gcd(images, 1 if device.type == "cuda" else max(1, LANES // channels))


def unfold(x: Tensor) -> Tensor:
    """Returns a map as a batch (N, C, H, W), channels last."""
    batch, height, width, folded, channels = x.shape
    images = x.permute(0, 3, 1, 2, 4).reshape(batch * folded, height, width, channels)
    return images.permute(0, 3, 1, 2)


def refold(x: Tensor, folded: int) -> Tensor:
    """Returns a batch (N, C, H, W) as a map with F = ``folded``."""
    return x.reshape(-1, folded, *x.shape[1:]).permute(0, 3, 4, 1, 2).contiguous()


def planes(x: Tensor) -> Tensor:
    """Returns a map as (B, F*C, H, W), channels last, for functions that treat each channel alone; a view."""
    return x.flatten(3).permute(0, 3, 1, 2)


def from_planes(y: Tensor, like: Tensor) -> Tensor:
    """Returns the result of a function of `planes` as a map, folded as ``like``."""
    y = y.permute(0, 2, 3, 1).contiguous()
    return y.view(*y.shape[:3], like.shape[3], -1)


def pixels(x: Tensor) -> Tensor:
    """Returns a map as a matrix (pixels, C); a view."""
    return x.view(-1, x.shape[-1])


def rows(x: Tensor) -> Tensor:
    """Returns a map as a matrix (pixels / F, F*C), for what treats each channel alone; a view.

    Its rows are long enough for a CPU's vectors where C is not.
    """
    return x.view(-1, x.shape[-2] * x.shape[-1])


@dataclass(frozen=True)
class MapShare:
    """The share that a process has of each map, where several share each batch.

    Attributes:
        processes: Of the run.
        channels: What the net's maps are folded for.
    """

    processes: Processes
    channels: int

    def drawn(self, draw: Callable[[tuple[int, ...]], Tensor], map: Tensor) -> Tensor:
        """Returns numbers for a map, drawn for that of the whole batch, as one process would.

        Args:
            draw: Draws a map of a shape.
            map: (B, H, W, F, C), of this process.
        """
        batch, height, width, folded, channels = map.shape
        images = self.processes.count * batch * folded
        whole = folding(images, self.channels, map.device)
        numbers = draw((images // whole, height, width, whole, channels))
        return refold(unfold(numbers)[self.processes.share(images)], folded)


def moments(x: Tensor, *, full: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Returns a map, its mean (C,) and its second moments: the matrix (C, C) if ``full``, else its diagonal (C,).

    The map returned is the one given; callers that use it instead spare the backward pass a sum of two maps. The
    moments are in float32 at least.
    """
    same, mean, second = _Moments.apply(x, full)
    return same, mean, second


def weighted_sum(maps: list[Tensor], matrices: list[Tensor], bias: Tensor) -> Tensor:
    """Returns sum over k of maps[k] @ matrices[k], plus bias.

    Args:
        maps: (B, H, W, F, C_k) each.
        matrices: (C_k, C), or (C,) for a diagonal one.
        bias: (C,).
    """
    result: Tensor = _WeightedSum.apply(bias, *maps, *matrices)
    return result


def without_autocast(device: torch.device) -> AbstractContextManager[Any]:
    """Within the context, what is computed keeps the precision of its inputs."""
    if not torch.is_autocast_enabled(device.type):
        return nullcontext()  # entering the other one takes as long as an operator on a small map
    found: AbstractContextManager[Any] = torch.autocast(device.type, enabled=False)
    return found


class _Moments(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, full: bool) -> tuple[Tensor, Tensor, Tensor]:
        ctx.save_for_backward(x)
        ctx.full = full
        with without_autocast(x.device):
            z = _precise(x)
            second = pixels(z).mT @ pixels(z) if full else _channel_sum(z.square())
            count = x[..., 0].numel()
            return x.view_as(x), _channel_sum(z) / count, second / count

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, mean: Tensor, second: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        count = x[..., 0].numel()
        of_second = (second + second.mT if ctx.full else 2 * second).div(count).to(x.dtype)
        total = rows(gradient.contiguous()) + _along_rows((mean / count).to(x.dtype), x)
        if ctx.full:
            total.view(-1, x.shape[-1]).addmm_(pixels(x), of_second)
        else:
            total.addcmul_(rows(x), _along_rows(of_second, x))
        return total.view(x.shape), None


class _WeightedSum(Function):
    @staticmethod
    def forward(ctx: Any, bias: Tensor, *terms: Tensor) -> Tensor:
        maps, matrices = terms[: len(terms) // 2], [a.to(terms[0].dtype) for a in terms[len(terms) // 2 :]]
        ctx.save_for_backward(*maps, *matrices)
        ctx.dtypes = [bias.dtype, *(a.dtype for a in terms[len(terms) // 2 :])]
        first, width = maps[0], matrices[0].shape[-1]
        result = first.new_empty(*first.shape[:-1], width)
        before = bias.to(first.dtype)
        with without_autocast(first.device):
            for number, (x, matrix) in enumerate(zip(maps, matrices, strict=True)):
                if matrix.dim() == 2:
                    torch.addmm(pixels(result) if number else before, pixels(x), matrix, out=pixels(result))
                else:
                    sum_so_far = rows(result) if number else _along_rows(before, result)
                    torch.addcmul(sum_so_far, rows(x), _along_rows(matrix, x), out=rows(result))
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        count = len(ctx.saved_tensors) // 2
        maps, matrices = ctx.saved_tensors[:count], ctx.saved_tensors[count:]
        wanted = ctx.needs_input_grad
        gradient = gradient.contiguous()
        g, by_row = pixels(gradient), rows(gradient)
        of_maps: list[Tensor | None] = [None] * count
        of_matrices: list[Tensor | None] = [None] * count
        for number, (x, matrix) in enumerate(zip(maps, matrices, strict=True)):
            square = matrix.dim() == 2
            if wanted[1 + number]:
                of_maps[number] = (g @ matrix.mT if square else by_row * _along_rows(matrix, x)).view(x.shape)
            if wanted[1 + count + number]:
                of_matrix = pixels(x).mT @ g if square else _channel_sum(x * gradient)
                of_matrices[number] = of_matrix.to(ctx.dtypes[1 + number])
        return _channel_sum(gradient).to(ctx.dtypes[0]) if wanted[0] else None, *of_maps, *of_matrices


def _along_rows(vector: Tensor, like: Tensor) -> Tensor:
    """One number per channel (C,), repeated for the columns of `rows` of a map, (F*C,)."""
    return vector.expand(like.shape[-2], -1).reshape(-1)  # a third of the time of `repeat`


def _channel_sum(x: Tensor) -> Tensor:
    """The sum of a map over all pixels, (C,)."""
    precision = torch.promote_types(x.dtype, torch.float32)
    return rows(x).sum(0, dtype=precision).view(x.shape[-2:]).sum(0)


def _precise(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
