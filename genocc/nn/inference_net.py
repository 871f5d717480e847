"""The optimized PyTorch net: a compiled graph as a list of fused steps, for inference.

At batch 1 most of a small convolution's time in PyTorch is overhead. So features are stored as (N, H, W, C), where a
1x1 convolution is one matrix product; the products that make up a node's sum accumulate in place; a ReLU that is the
only reader of a value overwrites it; and on CPUs the other convolutions get weights in oneDNN's own layout. All of that
is decided when the net is built: nothing is compiled, traced or tuned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from genocc.errors import TargetError
from genocc.graph import Node
from genocc.primitives import (
    Add,
    AvgPool,
    BatchNorm,
    Concat,
    Conv2d,
    DropPath,
    GlobalMean,
    Input,
    Linear,
    MaxPool,
    Normalize,
    Pool,
    Primitive,
    Relu,
    ShiftPad,
    Slice,
    Softmax,
    Zero,
)
from genocc.targets import CompiledNet

PASSES = (
    "remove-dead-code",
    "share-common-subexpressions",
    "fold-batch-norm",
    "dense-factorized-reduce",
    "relu-before-concat",
    "split-concat",
)
"""The passes that were measured to help this net."""

Values = list[Any]
"""The features of all nodes, (N, H, W, C) each; None before a node runs, and again after its last reader has run."""

Step = Callable[[Values], None]
Compute = Callable[..., Tensor]


class InferenceNet(nn.Module):
    """A compiled net for inference; it cannot train.

    Args:
        net: Fastest if compiled with ``PASSES``; the result is the same with any.
        device: Where it runs; the weights are stored in this device's layout and cannot be moved.
        dtype: The precision of weights and features.

    Raises:
        TargetError: The graph has a primitive that exists in training only.
    """

    def __init__(
        self, net: CompiledNet, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        self.net, self.device, self.dtype = net, torch.device(device), dtype
        self._slots = {name: slot for slot, name in enumerate(net.graph.nodes)}
        (output,) = net.graph.outputs.values()
        self._output = self._slots[output]
        self._fused = {value for node in net.graph.nodes.values() for value in self._products(node)}
        self._steps = list(self._schedule())

    @torch.inference_mode()
    def forward(self, image: Tensor) -> Tensor:
        """Returns logits (N, classes) of images (N, C, H, W)."""
        values: Values = [None] * len(self._slots)
        values[0] = image.to(self.device, self.dtype).permute(0, 2, 3, 1).contiguous()
        for step in self._steps:
            step(values)
        logits: Tensor = values[self._output]
        return logits

    def _schedule(self) -> Iterator[Step]:
        """The steps in order; each also releases the features that it is the last to read."""
        nodes = [node for node in self.net.graph.nodes.values() if node.name not in self._fused]
        last_reader = {slot: node.name for node in nodes for slot in self._reads(node)}
        for node in nodes:
            if isinstance(node.primitive, Input):
                continue
            compute, target, reads = (
                STEPS[type(node.primitive)](self, node, node.primitive),
                self._slots[node.name],
                self._reads(node),
            )
            ended = [slot for slot in dict.fromkeys(reads) if last_reader[slot] == node.name and slot != self._output]
            yield _step(compute, reads, target, ended)

    def _reads(self, node: Node) -> list[int]:
        """The slots that a step reads; of a sum, the inputs of its products first, then its other terms."""
        products = self._products(node)
        rows = [self._slots[self.net.graph.nodes[value].inputs[0]] for value in products]
        return rows + [self._slots[value] for value in node.inputs if value not in products]

    def _products(self, node: Node) -> list[str]:
        """The terms of a sum that are 1x1 convolutions without other readers: the sum computes them itself."""
        if not isinstance(node.primitive, Add):
            return []
        graph = self.net.graph
        return [value for value in node.inputs if _is_product(graph.nodes[value]) and graph.only_user(value)]

    def tensor(self, node: Node, role: str) -> Tensor:
        """Returns a parameter of a node on the net's device, in its precision."""
        return torch.from_numpy(np.ascontiguousarray(self.net.parameters[f"{node.name}.{role}"])).to(
            self.device, self.dtype
        )

    def bias(self, node: Node) -> Tensor:
        """Returns a convolution's bias, zeros where it has none."""
        if f"{node.name}.bias" in self.net.parameters:
            return self.tensor(node, "bias")
        return torch.zeros(node.shape[0], device=self.device, dtype=self.dtype)

    def matrix(self, node: Node) -> Tensor:
        """Returns the weight of a 1x1 convolution as (C in, C out)."""
        return self.tensor(node, "weight").flatten(1).t().contiguous()


def _step(compute: Compute, reads: list[int], target: int, ended: list[int]) -> Step:
    if len(reads) == 1:
        (source,) = reads
        if ended:

            def last(values: Values) -> None:
                values[target] = compute(values[source])
                values[source] = None

            return last

        def single(values: Values) -> None:
            values[target] = compute(values[source])

        return single

    def step(values: Values) -> None:
        values[target] = compute(*[values[slot] for slot in reads])
        for slot in ended:
            values[slot] = None

    return step


def _is_product(node: Node) -> bool:
    return isinstance(node.primitive, Conv2d) and node.primitive.pointwise


def _has_onednn() -> bool:
    available: Callable[[], bool] = torch.backends.mkldnn.is_available
    return available()


# The table: one entry per primitive; each returns a function of the values that the node's step reads.


def _conv2d(net: InferenceNet, node: Node, conv: Conv2d) -> Compute:
    if _is_product(node):
        return _sum([net.matrix(node)], net.bias(node))
    weight, bias = net.tensor(node, "weight"), net.bias(node) if conv.bias else None
    top, left, bottom, right = conv.pads
    symmetric = (top, left) == (bottom, right)
    padding = [top, left] if symmetric else [0, 0]
    stride, dilation, groups = list(conv.stride), [conv.dilation] * 2, conv.groups
    if net.device.type == "cpu" and net.dtype == torch.float32 and _has_onednn():
        layout = (padding, stride, dilation, groups, [1, *node.input_shapes[0]])
        packed = torch.ops.aten.mkldnn_reorder_conv2d_weight.default(weight.to_mkldnn(), *layout)
        run = torch.ops.mkldnn._convolution_pointwise.default

        def convolve(x: Tensor) -> Tensor:
            y: Tensor = run(x.permute(0, 3, 1, 2), packed, bias, padding, stride, dilation, groups, "none", [], "")
            return y.permute(0, 2, 3, 1)
    else:
        weight = weight.contiguous(memory_format=torch.channels_last)

        def convolve(x: Tensor) -> Tensor:
            y = functional.conv2d(x.permute(0, 3, 1, 2), weight, bias, stride, padding, dilation, groups)
            return y.permute(0, 2, 3, 1)

    if symmetric:
        return convolve
    return lambda x: convolve(functional.pad(x, (0, 0, left, right, top, bottom)))


def _add(net: InferenceNet, node: Node, _: Add) -> Compute:
    products = [net.net.graph.nodes[value] for value in net._products(node)]
    if not products:
        return _plain_sum
    bias = torch.stack([net.bias(product) for product in products]).sum(0)
    return _sum([net.matrix(product) for product in products], bias)


def _sum(matrices: list[Tensor], bias: Tensor) -> Compute:
    """x0 W0 + x1 W1 + ... + bias + the remaining values, in one buffer."""
    first, *others = matrices
    channels = first.shape[1]

    def accumulate(x: Tensor, *values: Tensor) -> Tensor:
        n, h, w, _ = x.shape
        rows = torch.addmm(bias, x.flatten(0, 2), first)
        for matrix, value in zip(others, values, strict=False):
            rows.addmm_(value.flatten(0, 2), matrix)
        y = rows.view(n, h, w, channels)
        for value in values[len(others) :]:
            y += value
        return y

    return accumulate


def _plain_sum(first: Tensor, second: Tensor, *others: Tensor) -> Tensor:
    total = first + second
    for value in others:
        total += value
    return total


def _batch_norm(net: InferenceNet, node: Node, norm: BatchNorm) -> Compute:
    """For a BN that no pass could fold: y = x * scale + shift."""
    scale = (net.tensor(node, "running_var") + norm.epsilon).rsqrt()
    shift = -net.tensor(node, "running_mean") * scale
    if norm.affine:
        weight = net.tensor(node, "weight")
        scale, shift = scale * weight, shift * weight + net.tensor(node, "bias")
    return lambda x: torch.addcmul(shift, x, scale)


def _relu(net: InferenceNet, node: Node, _: Relu) -> Compute:
    graph = net.net.graph
    (value,) = node.inputs
    made_here = not isinstance(graph.nodes[value].primitive, (Input, Slice))  # those may be views of what others read
    return torch.relu_ if made_here and graph.only_user(value) else torch.relu


def _pool(function: Callable[..., Tensor], **options: bool) -> Callable[[InferenceNet, Node, Pool], Compute]:
    def make(net: InferenceNet, node: Node, pool: Pool) -> Compute:
        window = (pool.kernel, pool.stride, pool.padding)
        return lambda x: function(x.permute(0, 3, 1, 2), *window, **options).permute(0, 2, 3, 1)

    return make


def _zero(net: InferenceNet, node: Node, _: Zero) -> Compute:
    channels, height, width = node.shape
    return lambda x: x.new_zeros((x.shape[0], height, width, channels))


def _linear(net: InferenceNet, node: Node, _: Linear) -> Compute:
    weight, bias = net.tensor(node, "weight"), net.tensor(node, "bias")
    return lambda x: functional.linear(x, weight, bias)


def _normalize(net: InferenceNet, node: Node, norm: Normalize) -> Compute:
    mean, std = (torch.tensor(v, device=net.device, dtype=net.dtype) for v in (norm.mean, norm.std))
    return lambda x: (x * norm.scale - mean) / std


def _drop_path(net: InferenceNet, node: Node, _: DropPath) -> Compute:
    raise TargetError(f"{node.name}: drop path exists in training only; lower the net for inference")


STEPS: dict[type[Primitive], Callable[[InferenceNet, Node, Any], Compute]] = {
    Conv2d: _conv2d,
    BatchNorm: _batch_norm,
    Relu: _relu,
    MaxPool: _pool(functional.max_pool2d),
    AvgPool: _pool(functional.avg_pool2d, count_include_pad=False),
    Add: _add,
    Concat: lambda net, node, _: lambda *values: torch.cat(values, -1),
    ShiftPad: lambda net, node, _: lambda x: functional.pad(x, (0, 0, -1, 1, -1, 1)),
    Slice: lambda net, node, part: lambda x: x[..., part.start : part.stop],
    Zero: _zero,
    GlobalMean: lambda net, node, _: lambda x: x.mean((1, 2)),
    Linear: _linear,
    DropPath: _drop_path,
    Normalize: _normalize,
    Softmax: lambda net, node, _: lambda x: x.softmax(1),
}
"""Primitive -> the emitter of its step. ``Input`` is missing: it is the net's argument."""
