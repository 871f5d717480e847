"""An independent reading of the primitive graph: each primitive in PyTorch's functional terms, for numbers in tests.

It shares nothing with the exporters: a table from primitive to function, and a loop. In float64 (the default) it tells
whether two graphs compute the same to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from genocc.graph import Graph, Node
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
    Primitive,
    Relu,
    ShiftPad,
    Slice,
    Softmax,
    Zero,
)

Array = NDArray[Any]


def evaluate(
    graph: Graph, parameters: Mapping[str, Array], image: Array, *, training: bool = False
) -> dict[str, Array]:
    """Returns output name -> array, in the precision of the image.

    Args:
        graph: What to compute.
        parameters: Arrays by name; cast to the image's precision.
        image: (N, C, H, W). A graph that begins with `Normalize` gets it as floats too.
        training: Whether BN uses the statistics of the batch. Drop path is the identity either way.
    """
    values = evaluate_all(graph, parameters, image, training=training)
    return {key: values[value] for key, value in graph.outputs.items()}


def evaluate_all(
    graph: Graph, parameters: Mapping[str, Array], image: Array, *, training: bool = False
) -> dict[str, Array]:
    """Returns value name -> array for every node; arguments as in `evaluate`."""
    x = torch.from_numpy(np.ascontiguousarray(image))
    values: dict[str, Tensor] = {}
    with torch.no_grad():
        for node in graph.nodes.values():
            tensors = {
                name.rpartition(".")[2]: torch.from_numpy(np.ascontiguousarray(parameters[name])).to(x.dtype)
                for name in [*node.parameters(), *node.buffers()]
            }
            inputs = [values[name] for name in node.inputs]
            if isinstance(node.primitive, BatchNorm) and training:
                del tensors["running_mean"], tensors["running_var"]
            values[node.name] = TABLE[type(node.primitive)](node, inputs or [x], tensors)
            found = tuple(values[node.name].shape[1:])
            assert found == node.shape, f"%{node.name}: computed {found}, inferred {node.shape}"
    return {name: value.numpy() for name, value in values.items()}


def random_parameters(graph: Graph, seed: int = 0) -> dict[str, Array]:
    """Returns float64 parameters and buffers, BN statistics included, that keep activations of order one."""
    random = np.random.default_rng(seed)
    arrays: dict[str, Array] = {}
    for node in graph.nodes.values():
        for name, shape in {**node.parameters(), **node.buffers()}.items():
            role = name.rpartition(".")[2]
            if role == "running_var" or (role == "weight" and isinstance(node.primitive, BatchNorm)):
                arrays[name] = random.uniform(0.5, 1.5, shape)
            else:
                fan_in = np.prod(shape[1:]) if len(shape) > 1 else 4
                arrays[name] = random.normal(0, 1 / np.sqrt(fan_in), shape)
    return arrays


def random_image(graph: Graph, batch: int = 2, seed: int = 0) -> Array:
    """Returns a float64 batch of normal noise that fits the graph's input."""
    return np.random.default_rng(seed).normal(size=(batch, *graph.input.shape))


def relative_error(found: Mapping[str, Array], expected: Mapping[str, Array]) -> float:
    """Returns the largest difference over all outputs, each relative to the largest value expected of it (if not 0)."""
    assert found.keys() == expected.keys()
    return max(float(np.abs(found[key] - want).max() / (np.abs(want).max() or 1)) for key, want in expected.items())


def _conv2d(node: Node, inputs: list[Tensor], tensors: dict[str, Tensor]) -> Tensor:
    conv = node.primitive
    top, left, bottom, right = conv.pads
    x = functional.pad(inputs[0], (left, right, top, bottom))
    geometry = {"stride": conv.stride, "dilation": conv.dilation, "groups": conv.groups}
    return functional.conv2d(x, tensors["weight"], tensors.get("bias"), **geometry)


def _batch_norm(node: Node, inputs: list[Tensor], tensors: dict[str, Tensor]) -> Tensor:
    (x,) = inputs
    if "running_mean" in tensors:
        mean, variance = tensors["running_mean"], tensors["running_var"]
    else:
        mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
    x = (x - mean[:, None, None]) / torch.sqrt(variance + node.primitive.epsilon)[:, None, None]
    return x * tensors["weight"][:, None, None] + tensors["bias"][:, None, None] if node.primitive.affine else x


def _avg_pool(node: Node, inputs: list[Tensor], tensors: dict[str, Tensor]) -> Tensor:
    p = node.primitive
    return functional.avg_pool2d(inputs[0], p.kernel, p.stride, p.padding, count_include_pad=False)


def _normalize(node: Node, inputs: list[Tensor], tensors: dict[str, Tensor]) -> Tensor:
    mean, std = (
        torch.tensor(v, dtype=inputs[0].dtype)[:, None, None] for v in (node.primitive.mean, node.primitive.std)
    )
    return (inputs[0] * node.primitive.scale - mean) / std


def _zero(zero: Zero, x: Tensor) -> Tensor:
    """As the DARTS program has it: a strided view times zero."""
    strided = x[:, :1, :: zero.stride[0], :: zero.stride[1]] * 0
    return strided.repeat(1, zero.channels, 1, 1)


TABLE: dict[type[Primitive], Callable[[Node, list[Tensor], dict[str, Tensor]], Tensor]] = {
    Input: lambda node, inputs, tensors: inputs[0],
    Conv2d: _conv2d,
    BatchNorm: _batch_norm,
    Relu: lambda node, inputs, tensors: functional.relu(inputs[0]),
    MaxPool: lambda node, inputs, tensors: functional.max_pool2d(
        inputs[0], node.primitive.kernel, node.primitive.stride, node.primitive.padding
    ),
    AvgPool: _avg_pool,
    Add: lambda node, inputs, tensors: torch.stack(inputs).sum(0),
    Concat: lambda node, inputs, tensors: torch.cat(inputs, 1),
    ShiftPad: lambda node, inputs, tensors: functional.pad(inputs[0][:, :, 1:, 1:], (0, 1, 0, 1)),
    Slice: lambda node, inputs, tensors: inputs[0][:, node.primitive.start : node.primitive.stop],
    Zero: lambda node, inputs, tensors: _zero(node.primitive, inputs[0]),
    GlobalMean: lambda node, inputs, tensors: inputs[0].mean((2, 3)),
    Linear: lambda node, inputs, tensors: functional.linear(inputs[0], tensors["weight"], tensors["bias"]),
    DropPath: lambda node, inputs, tensors: inputs[0],
    Normalize: _normalize,
    Softmax: lambda node, inputs, tensors: functional.softmax(inputs[0], 1),
}
