"""How PyTorch computes each primitive: the table from which target nets are built, and super-nets derive theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from genocc.graph import Node
from genocc.nn.depthwise import computes, depthwise
from genocc.primitives import (
    Add,
    AvgPool,
    BatchNorm,
    Concat,
    Conv2d,
    DropPath,
    GlobalMean,
    Linear,
    MaxPool,
    Normalize,
    Pads,
    Pool,
    Primitive,
    Relu,
    ShiftPad,
    Slice,
    Softmax,
    Zero,
)


@dataclass(frozen=True)
class TorchOp:
    """The PyTorch operator that computes a node.

    Attributes:
        target: A class of module, or a function of the node's inputs.
        arguments: Keyword arguments of the class's constructor, or of each call of the function.
    """

    target: type[nn.Module] | Callable[..., Tensor]
    arguments: Mapping[str, Any] = field(default_factory=dict)


Emitter = Callable[[Any, Node], TorchOp]
"""(primitive, node) -> what computes the node."""

Emitters = Mapping[type[Primitive], Emitter]
"""Primitive class -> emitter of a node of it. ``Input`` is missing: it is the module's argument."""


def _plain_conv2d(conv: Conv2d, node: Node) -> TorchOp:
    top, left, bottom, right = conv.pads
    symmetric = (top, left) == (bottom, right)
    return TorchOp(
        nn.Conv2d if symmetric else PaddedConv2d,
        {
            "in_channels": node.input_shapes[0][0],
            "out_channels": conv.channels,
            "kernel_size": conv.kernel,
            "stride": conv.stride,
            "padding": (top, left) if symmetric else conv.pads,
            "dilation": conv.dilation,
            "groups": conv.groups,
            "bias": conv.bias,
        },
    )


def _conv2d(conv: Conv2d, node: Node) -> TorchOp:
    plain = _plain_conv2d(conv, node)
    if conv.dilation > 1 and computes(conv, node.input_shapes[0][0]):
        return TorchOp(DilatedConv2d, plain.arguments)
    sliced = plain.target is nn.Conv2d and conv.kernel == (1, 1) and conv.stride != (1, 1)
    return TorchOp(SlicedConv2d, plain.arguments) if sliced else plain


def _batch_norm(norm: BatchNorm, node: Node) -> TorchOp:
    arguments = {"eps": norm.epsilon, "momentum": norm.momentum, "affine": norm.affine}
    return TorchOp(BatchNorm2d, {"num_features": node.shape[0], **arguments})


def _linear(linear: Linear, node: Node) -> TorchOp:
    return TorchOp(nn.Linear, {"in_features": node.input_shapes[0][0], "out_features": linear.features})


def _window(pool: Pool) -> dict[str, int]:
    return {"kernel_size": pool.kernel, "stride": pool.stride, "padding": pool.padding}


EMITTERS: Emitters = {
    Conv2d: _conv2d,
    BatchNorm: _batch_norm,
    Linear: _linear,
    Relu: lambda relu, node: TorchOp(functional.relu),
    MaxPool: lambda pool, node: TorchOp(functional.max_pool2d, _window(pool)),
    AvgPool: lambda pool, node: TorchOp(functional.avg_pool2d, {**_window(pool), "count_include_pad": False}),
    Add: lambda _, node: TorchOp(add_all),
    Concat: lambda _, node: TorchOp(concat),
    ShiftPad: lambda _, node: TorchOp(functional.pad, {"pad": (-1, 1, -1, 1)}),
    Slice: lambda part, node: TorchOp(torch.narrow, {"dim": 1, "start": part.start, "length": node.shape[0]}),
    Zero: lambda zero, node: TorchOp(zeros, {"channels": zero.channels, "stride": zero.stride}),
    GlobalMean: lambda _, node: TorchOp(torch.mean, {"dim": (2, 3)}),
    DropPath: lambda _, node: TorchOp(drop_path),
    Normalize: lambda norm, node: TorchOp(Normalization, {"mean": norm.mean, "std": norm.std, "scale": norm.scale}),
    Softmax: lambda _, node: TorchOp(functional.softmax, {"dim": 1}),
}

INFERENCE_EMITTERS: Emitters = {**EMITTERS, Conv2d: _plain_conv2d}
"""The table of nets that never train: with PyTorch's own convolution, whose name exported programs hold."""


class SlicedConv2d(nn.Conv2d):
    """A convolution that trains on a CPU without oneDNN's gradient of a 1x1 weight with a stride.

    That kernel writes beyond its memory, with fewer than 16 input channels in channels-last memory, and ends the
    process (docs/training.md names the versions). So where the weight requires a gradient, the pixels that the stride
    keeps are taken first, and the convolution has stride 1: the same sums of the same numbers.
    """

    def forward(self, x: Tensor) -> Tensor:
        pixelwise, trains = self.kernel_size == (1, 1), self.weight.requires_grad and torch.is_grad_enabled()
        if not (pixelwise and trains and x.device.type == "cpu"):
            return super().forward(x)
        down, right = self.stride
        if any(self.padding):
            assert not isinstance(self.padding, str)  # which PyTorch allows, for "same" and "valid"
            top, left = self.padding
            x = functional.pad(x, (left, left, top, top))
        return functional.conv2d(x[:, :, ::down, ::right], self.weight, self.bias, groups=self.groups)


class DilatedConv2d(nn.Conv2d):
    """A dilated depthwise convolution that trains on a CPU several times as fast as PyTorch's, with channels last.

    Under `torch.compile` it is PyTorch's own, whose operator a compiler knows.
    """

    def forward(self, x: Tensor) -> Tensor:
        if torch.compiler.is_compiling():
            return super().forward(x)
        trains = torch.is_grad_enabled() and (self.weight.requires_grad or x.requires_grad)
        if trains and x.device.type == "cpu" and x.is_contiguous(memory_format=torch.channels_last):
            return depthwise(x, self.weight, self.stride[0], self.dilation[0])
        return super().forward(x)


class PaddedConv2d(SlicedConv2d):
    """A convolution with a padding of its own on each side."""

    def __init__(self, *, padding: Pads, **arguments: Any) -> None:
        super().__init__(**arguments)
        top, left, bottom, right = padding
        self.pads = (left, right, top, bottom)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(functional.pad(x, self.pads))


class BatchNorm2d(nn.BatchNorm2d):
    """BN without PyTorch's counter of batches, which a fixed momentum never reads: the graph has no such tensor.

    Attributes:
        synchronized: Whether the statistics of a batch are those of its shares in all processes.
    """

    momentum: float
    synchronized: bool = False

    def __init__(self, num_features: int, **arguments: Any) -> None:
        super().__init__(num_features, **arguments)
        self.num_batches_tracked = None

    def forward(self, x: Tensor) -> Tensor:
        statistics = (self.running_mean, self.running_var)
        return functional.batch_norm(x, *statistics, self.weight, self.bias, self.training, self.momentum, self.eps)

    def _load_from_state_dict(self, *arguments: Any) -> None:
        nn.Module._load_from_state_dict(self, *arguments)  # the base class would ask for its counter


class Normalization(nn.Module):
    """(x * scale - mean) / std per channel, in the precision of its constants whatever the type of the image."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: tuple[float, ...], std: tuple[float, ...], scale: float) -> None:
        super().__init__()
        self.scale = scale
        # Not among the weights, and hence never on the meta device either, where weights wait for their values.
        self.register_buffer("mean", torch.tensor(mean, device="cpu").view(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std, device="cpu").view(-1, 1, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return (x.to(self.mean.dtype) * self.scale - self.mean) / self.std


def add_all(*values: Tensor) -> Tensor:
    """Returns the sum, from left to right."""
    return reduce(add, values)


def concat(*values: Tensor) -> Tensor:
    """Returns the concatenation along the channels."""
    return torch.cat(values, 1)


def zeros(x: Tensor, channels: int, stride: tuple[int, int]) -> Tensor:
    """Returns zeros for each image of x, whose size the stride divides, rounding up."""
    height, width = ((length - 1) // step + 1 for length, step in zip(x.shape[2:], stride, strict=True))
    return x.new_zeros((x.shape[0], channels, height, width))


def drop_path_masks(image: Tensor, rate: float, share: tuple[int, int] | None, count: int) -> tuple[Tensor | None, ...]:
    """Draws all masks of a net at once: per edge, a factor of 0 or 1/(1-rate) for each image; None at rate 0.

    Args:
        image: Gives the batch size, the device and the precision.
        rate: Probability of a drop, below 1.
        share: The place of these images in a batch that several processes share: the index of the first, and the
            number of all. Masks are drawn for all, so that the processes together drop what one process would.
        count: Number of edges.

    Returns:
        A mask (N, 1, 1, 1) per edge.
    """
    if rate == 0:
        return (None,) * count
    device, keep = image.device, 1 - rate
    precision = torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else image.dtype
    first, images = share or (0, image.shape[0])
    drawn = torch.rand(count, images, 1, 1, 1, device=device)[:, first : first + image.shape[0]] < keep
    return (drawn.to(precision) / keep).unbind()


def drop_path(x: Tensor, mask: Tensor | None) -> Tensor:
    """Returns an edge's value times its mask: dropped images are zero, the others scaled up."""
    return x if mask is None else x * mask
