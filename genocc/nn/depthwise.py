"""Depthwise convolution whose backward pass is as fast as its forward pass on a CPU.

oneDNN has fast kernels for the forward pass and, of the weight's gradient, for kernels three wide without dilation, or
of any width on CPUs with AVX2 alone; all else goes through kernels that pad each channel to sixteen and take ten times
as long. Two identities avoid those.

1. The gradient of the input of a convolution with stride 1 is the convolution of the output's gradient with the
   kernel turned by 180 degrees.
2. Taps of the weight's gradient that are m columns apart are neighbours once m adjacent columns stand beside each other
   as channels, which in channels-last memory is a view; rows that are d apart are neighbours once rows are sorted by
   their remainder modulo d. So a gradient of five or seven columns, dilated or not, is two or three of three columns.

A stride as large as the dilation reads a smaller map, without either. Other strides are PyTorch's.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional

from genocc.primitives import Conv2d


def depthwise(x: Tensor, weight: Tensor, stride: int, dilation: int) -> Tensor:
    """Returns the convolution of each channel with its own odd kernel, padded so that only the stride shrinks the map.

    Args:
        x: (B, C, H, W), channels last.
        weight: (C, 1, k, k).
        stride: 1 or more.
        dilation: 1 or more.
    """
    if x.device.type == "cpu" and stride == dilation > 1:
        x, stride, dilation = x[:, :, ::stride, ::stride].contiguous(memory_format=torch.channels_last), 1, 1
    undilated_is_fast = dilation == 1 and torch.backends.cpu.get_cpu_capability() == "AVX2"
    if x.device.type != "cpu" or stride > 1 or undilated_is_fast:
        return _conv2d(x, weight, stride, dilation)
    if torch.is_autocast_enabled("cpu"):
        x, weight = (t.to(torch.get_autocast_dtype("cpu")) for t in (x, weight))
    result: Tensor = _Depthwise.apply(x, weight, dilation)
    return result


def computes(conv: Conv2d, channels: int) -> bool:
    """Whether `depthwise` computes a convolution of so many input channels."""
    height, width = conv.kernel
    reach = conv.dilation * (height // 2)
    return (
        conv.groups == conv.channels == channels
        and height == width
        and height % 2 == 1
        and len(set(conv.stride)) == 1
        and set(conv.pads) == {reach}
        and not conv.bias
    )


def weight_gradient(x: Tensor, gradient: Tensor, kernel: int, dilation: int) -> Tensor:
    """Returns the gradient of a depthwise kernel (C, 1, k, k) with stride 1.

    Args:
        x: The convolution's input (B, C, H, W).
        gradient: Of its output (B, C, H, W).
        kernel: k, odd.
        dilation: Of the kernel.
    """
    reach, channels = kernel // 2, x.shape[1]
    apart = max(reach, 1) * dilation  # the columns that three taps of one call are apart
    rows, gradient_rows = (_rows_by_phase(t.permute(0, 2, 3, 1), dilation, apart, kernel) for t in (x, gradient))
    taps: dict[int, Tensor] = {}
    for center in range(0, apart, dilation):  # the call for the offsets center - apart, center, center + apart
        if center:  # a block of zeros before the rows, into which the map moves
            rows_here = functional.pad(rows, (0, 0, apart - center, center))
            gradient_here = functional.pad(gradient_rows, (0, 0, apart, 0))
        else:
            rows_here, gradient_here = rows, gradient_rows
        three = _three_columns(_beside(rows_here, apart), _beside(gradient_here, apart), kernel)
        three = three.view(apart, channels, kernel, 3).sum(0)
        taps |= zip((center - apart, center, center + apart), three.unbind(2), strict=True)
    return torch.stack([taps[(column - reach) * dilation] for column in range(kernel)], 2)[:, None]


class _Depthwise(Function):
    @staticmethod
    def forward(x: Tensor, weight: Tensor, dilation: int) -> Tensor:
        return _conv2d(x, weight, 1, dilation)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, weight, ctx.dilation = inputs
        ctx.save_for_backward(x, weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, weight = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        of_x = _conv2d(gradient, weight.flip(2, 3), 1, ctx.dilation) if ctx.needs_input_grad[0] else None
        of_weight = weight_gradient(x, gradient, weight.shape[-1], ctx.dilation) if ctx.needs_input_grad[1] else None
        if of_weight is not None and weight.is_contiguous(memory_format=torch.channels_last):
            # the same numbers in the same places; data-parallel training compares the stride of the one channel too
            of_weight = of_weight.as_strided(weight.shape, weight.stride())
        return of_x, of_weight, None


def _conv2d(x: Tensor, weight: Tensor, stride: int, dilation: int) -> Tensor:
    padding = dilation * (weight.shape[-1] // 2)
    return functional.conv2d(x, weight, None, stride, padding, dilation, x.shape[1])


def _rows_by_phase(x: Tensor, dilation: int, apart: int, kernel: int) -> Tensor:
    """The map (B, H, W, C) with its rows sorted by their remainder modulo d, as a batch of d B.

    Zeros fill the columns up to a multiple of ``apart`` and the rows up to as many as the kernel has, below which the
    fast kernel does not work.
    """
    batch, height, width, channels = x.shape
    bottom, right = max(-height % dilation, kernel * dilation - height), -width % apart
    if bottom or right:
        x = functional.pad(x, (0, 0, 0, right, 0, bottom))
    if dilation == 1:
        return x
    x = x.view(batch, -1, dilation, width + right, channels).permute(2, 0, 1, 3, 4)
    return x.reshape(dilation * batch, -1, width + right, channels)


def _beside(x: Tensor, columns: int) -> Tensor:
    """Adjacent columns as channels: (B, H, W, C) to (B, columns C, H, W / columns), a view."""
    return x.reshape(*x.shape[:2], x.shape[2] // columns, -1).permute(0, 3, 1, 2)


def _three_columns(x: Tensor, gradient: Tensor, height: int) -> Tensor:
    """The weight's gradient of a depthwise kernel (C, 1, height, 3) without dilation."""
    shape = (x.shape[1], 1, height, 3)
    padding = (height // 2, 1)
    arguments = ([0], [1, 1], padding, [1, 1], False, [0, 0], shape[0], [False, True, False])
    of_weight: Tensor = torch.ops.aten.convolution_backward(gradient, x, x.new_empty(shape), *arguments)[1]
    return of_weight
