"""The nodes of an ONNX graph: what each primitive becomes, and the initializers that these nodes read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from genocc.errors import TargetError
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
    Pool,
    Primitive,
    Relu,
    ShiftPad,
    Slice,
    Softmax,
    Zero,
)

Array = NDArray[Any]


def graph_and_initializers(
    graph: Graph, parameters: Mapping[str, Array], name: str, batch: int | None, io: type[np.floating[Any]] | None
) -> tuple[onnx.GraphProto, Iterator[onnx.TensorProto]]:
    """Returns the ONNX graph with all shapes, and its weights, each made when it is asked for.

    Args:
        graph: An inference graph.
        parameters: Its arrays, all of one floating-point type, which the values of the ONNX graph have too.
        name: Of the ONNX graph.
        batch: The number of images; None: any.
        io: Type of image and outputs where it is another.
    """
    arrays = {name: parameters[name] for name in [*graph.parameters(), *graph.buffers()]}
    (dtype,) = {array.dtype for array in arrays.values()}
    element = helper.np_dtype_to_tensor_dtype(dtype)
    outside = helper.np_dtype_to_tensor_dtype(np.dtype(io or dtype))
    writer = Writer(graph, element, outside)
    arrays |= {name: a.astype(dtype) if a.dtype.kind == "f" else a for name, a in writer.constants.items()}

    def info(value: str, kind: int, name: str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, (batch or "batch", *graph.nodes[value].shape))

    image = info(graph.input.name, TensorProto.UINT8 if writer.uint8_input else outside, graph.input.name)
    outputs = [info(value, outside, key) for key, value in graph.outputs.items()]
    ports = {port.name for port in (image, *outputs)}
    inner = [info(value, element, writer.value(value)) for value in graph.nodes if writer.value(value) not in ports]
    initializers = (numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in arrays.items())
    return helper.make_graph(writer.nodes, name, [image], outputs, value_info=inner), initializers


class Writer:
    """The ONNX nodes of a graph, and the initializers that they read besides its parameters."""

    def __init__(self, graph: Graph, element: int, outside: int) -> None:
        self.element = element
        self.uint8_input = getattr(graph.input.primitive, "dtype", None) == "uint8"
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}
        cast = element != outside
        self._names = {} if cast else {value: key for key, value in graph.outputs.items()}
        if cast and not self.uint8_input:
            image = graph.input.name
            self._names[image] = self._cast(image, f"{image}/cast", element)
        for node in graph.nodes.values():
            EMITTERS[type(node.primitive)](self, node, node.primitive)
        if cast:
            for key, value in graph.outputs.items():
                self._cast(value, key, outside)

    def add(self, operator: str, node: Node, *inputs: str, part: str = "", **attributes: Any) -> str:
        """Appends an ONNX node; of several for one graph node, all but the last have a part added to their name."""
        name = f"{node.name}/{part}" if part else node.name  # no origin has a slash
        output = name if part else self.value(name)
        self.nodes.append(helper.make_node(operator, inputs, [output], name, **attributes))
        return output

    def value(self, name: str) -> str:
        """The ONNX name of a value: its origin; an output is called what the graph calls it."""
        return self._names.get(name, name)

    def _cast(self, name: str, output: str, to: int) -> str:
        self.nodes.append(helper.make_node("Cast", [name], [output], f"{name}/cast", to=to))
        return output

    def values(self, node: Node) -> list[str]:
        """The ONNX names of a node's inputs."""
        return [self.value(name) for name in node.inputs]

    def constant(self, name: str, array: Array) -> str:
        """Returns the name of an initializer; nodes that ask for the same name share it."""
        self.constants[name] = array
        return name


# The emitters: one per primitive.


def _input(w: Writer, node: Node, p: Input) -> None:
    """The graph's input is no node."""


def _conv2d(w: Writer, node: Node, p: Conv2d) -> None:
    w.add(
        "Conv", node, *w.values(node), *node.parameters(),
        kernel_shape=p.kernel, strides=p.stride, pads=p.pads, dilations=(p.dilation, p.dilation), group=p.groups,
    )  # fmt: skip


def _batch_norm(w: Writer, node: Node, p: BatchNorm) -> None:
    affine = node.parameters()
    if not p.affine:
        channels = node.shape[:1]
        affine = {
            w.constant(f"{node.name}.weight", np.ones(channels, np.float32)): channels,
            w.constant(f"{node.name}.bias", np.zeros(channels, np.float32)): channels,
        }
    w.add("BatchNormalization", node, *w.values(node), *affine, *node.buffers(), epsilon=p.epsilon)


def _pool(operator: str, **attributes: Any) -> Callable[[Writer, Node, Pool], None]:
    def add(w: Writer, node: Node, p: Pool) -> None:
        window: dict[str, Any] = {"kernel_shape": [p.kernel] * 2, "strides": [p.stride] * 2, "pads": [p.padding] * 4}
        w.add(operator, node, *w.values(node), **window, **attributes)

    return add


def _add(w: Writer, node: Node, p: Add) -> None:
    """A chain of two-input additions: the runtimes fuse those into the convolution before them, and no Sum."""
    total, *others = w.values(node)
    for position, value in enumerate(others, start=1):
        total = w.add("Add", node, total, value, part="" if position == len(others) else str(position))


def _shift_pad(w: Writer, node: Node, p: ShiftPad) -> None:
    starts = w.constant("shift.starts", np.array([1, 1]))
    ends = w.constant("shift.ends", np.array([np.iinfo(np.int64).max] * 2))
    axes = w.constant("shift.axes", np.array([2, 3]))
    pads = w.constant("shift.pads", np.array([0, 0, 0, 0, 0, 0, 1, 1]))
    moved = w.add("Slice", node, *w.values(node), starts, ends, axes, part="slice")
    w.add("Pad", node, moved, pads, mode="constant")


def _slice(w: Writer, node: Node, p: Slice) -> None:
    start, stop = (w.constant(f"channel.{number}", np.array([number])) for number in (p.start, p.stop))
    w.add("Slice", node, *w.values(node), start, stop, w.constant("channel.axis", np.array([1])))


def _zero(w: Writer, node: Node, p: Zero) -> None:
    """A constant for each image: the number of images is all that is read of the input."""
    images = w.add("Shape", node, *w.values(node), part="images", start=0, end=1)
    size = w.constant("size." + ".".join(map(str, node.shape)), np.array(node.shape))
    shape = w.add("Concat", node, images, size, part="shape", axis=0)
    w.add("ConstantOfShape", node, shape, value=helper.make_tensor("value", w.element, [1], [0]))


def _global_mean(w: Writer, node: Node, p: GlobalMean) -> None:
    """Not ReduceMean, whose axes moved from an attribute to an input with opset 18."""
    w.add("Flatten", node, w.add("GlobalAveragePool", node, *w.values(node), part="pool"), axis=1)


def _drop_path(w: Writer, node: Node, p: DropPath) -> None:
    raise TargetError(f"{node.name}: drop path exists in training only; ONNX files hold inference nets")


def _normalize(w: Writer, node: Node, p: Normalize) -> None:
    """(x - mean / scale) / (std / scale), which takes two nodes instead of three; integers become floats first."""
    mean, std = (
        w.constant(f"{node.name}.{role}", (np.array(values) / p.scale).reshape(-1, 1, 1))
        for role, values in (("mean", p.mean), ("std", p.std))
    )
    (x,) = w.values(node)
    if w.uint8_input:
        x = w.add("Cast", node, x, part="cast", to=w.element)
    w.add("Div", node, w.add("Sub", node, x, mean, part="centered"), std)


EMITTERS: dict[type[Primitive], Callable[[Writer, Node, Any], object]] = {
    Input: _input,
    Conv2d: _conv2d,
    BatchNorm: _batch_norm,
    Relu: lambda w, node, p: w.add("Relu", node, *w.values(node)),
    MaxPool: _pool("MaxPool"),
    AvgPool: _pool("AveragePool", count_include_pad=0),
    Add: _add,
    Concat: lambda w, node, p: w.add("Concat", node, *w.values(node), axis=1),
    ShiftPad: _shift_pad,
    Slice: _slice,
    Zero: _zero,
    GlobalMean: _global_mean,
    Linear: lambda w, node, p: w.add("Gemm", node, *w.values(node), *node.parameters(), transB=1),
    DropPath: _drop_path,
    Normalize: _normalize,
    Softmax: lambda w, node, p: w.add("Softmax", node, *w.values(node), axis=1),
}
"""Primitive -> what emits the ONNX nodes that compute it."""
