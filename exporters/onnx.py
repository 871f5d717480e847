"""The ONNX target: written directly from the primitive graph, without tracing and without PyTorch.

Every value, node and initializer is named by its origin (``cells.3.nodes.1.sep_conv_3x3.0.dw1``), so that a viewer
or a profile shows the genotype. Only operators of the standard domain are used. The file is checked before it is
written, holds its weights itself, and is the same, byte for byte, each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from genocc.errors import InternalError, TargetError
from genocc.graph import Graph, Node
from genocc.passes import Parameters
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
from genocc.runtimes import MAX_BATCH
from genocc.runtimes.onnx_files import MAX_BYTES
from genocc.targets import CompiledNet
from genocc.verification import Verification
from genocc.version import __version__

from .precision import PreciseExporter

if TYPE_CHECKING:
    from .int8.gate import Quantizer

OLDEST_OPSET = 17

Array = NDArray[Any]


@dataclass(frozen=True)
class OnnxExporter(PreciseExporter):
    """Writes .onnx files, with the input ``image`` and the output ``logits`` (or ``probabilities``).

    Attributes:
        opset: Version of the operator set; exactly this one is stamped. 18 runs fastest in ONNX Runtime on CPU.
        batch: The only number of images that the file takes, for runtimes that want all sizes fixed; None: any.
    """

    name: ClassVar[str] = "onnx"
    suffix: ClassVar[str] = ".onnx"
    passes: ClassVar[tuple[str, ...]] = (
        "remove-dead-code",
        "share-common-subexpressions",
        "fold-batch-norm",
        "relu-before-concat",
        "depthwise-shift",
        "merge-summed-chains",
        "pad-channels",
    )
    precisions: ClassVar[tuple[str, ...]] = ("float32", "float16", "int8")
    runtime: ClassVar[str] = "onnxruntime"
    checks: ClassVar[tuple[str, ...]] = ("onnx.checker (full)", "strict shape inference")
    max_bytes: ClassVar[int] = MAX_BYTES

    opset: int = 18
    batch: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_batch(self.batch)
        newest = onnx.defs.onnx_opset_version()
        if not OLDEST_OPSET <= self.opset <= newest:
            raise TargetError(
                f"opset {self.opset} is not supported; expected {OLDEST_OPSET} to {newest} (onnx {onnx.__version__})"
            )

    def write(self, net: CompiledNet, path: Path) -> int:
        """Checks and writes the file.

        Raises:
            TargetError: An option does not fit the net, or a weight is beyond what float16 holds.
            DataError: The images to calibrate on cannot be used.
            InternalError: The checker refuses what was built.
        """
        if self.precision == "int8":
            return self.quantizer(net, self.calibration(net).images).write(path)
        model = self.model(net)
        check(model)
        path.write_bytes(model.SerializeToString(deterministic=True))
        return len(model.graph.node)

    def verify(self, net: CompiledNet, path: Path, provider: str) -> Verification:
        """Runs the file in ONNX Runtime; `genocc verify` adds ONNX's reference evaluator, which is slow."""
        from .verification import verify

        return verify(path, net=net, provider=provider, reference_batches=(), where="the new file")

    def quantizer(self, net: CompiledNet, images: Array) -> Quantizer:
        from .int8.qdq import QdqQuantizer

        self.check_passes(net)
        return QdqQuantizer(self.model(net), images, check)

    def model(self, net: CompiledNet) -> onnx.ModelProto:
        """Returns the model of a net that passes `check_size`: of int8 the one that is quantized.

        Floats have the precision of the net's parameters, unless the option says float16.

        Raises:
            TargetError: An option does not fit the net, or a weight is beyond what float16 holds.
        """
        graph = self.deployed(net)
        provenance = self.provenance(net)
        half = self.precision == "float16"
        parameters = half_parameters(graph, net.parameters) if half else net.parameters
        opset = helper.make_opsetid("", self.opset)
        outside = np.float32 if half and not self.half_io else None
        proto, initializers = _graph(graph, parameters, net.genotype.name, self.batch, io=outside)
        model = helper.make_model(
            proto,
            opset_imports=[opset],
            ir_version=helper.find_min_ir_version_for([opset]),
            producer_name="genocc",
            producer_version=__version__,
            doc_string=f"Genotype {net.genotype.name}, {provenance.weights}.",
        )
        helper.set_model_props(model, provenance.to_metadata())
        for tensor in initializers:  # only now, one by one: graphs and models are copied into one another
            model.graph.initializer.append(tensor)
        return model


def check_batch(batch: int | None) -> None:
    """Checks a fixed batch size; raises TargetError."""
    if batch is not None and not 1 <= batch <= MAX_BATCH:
        raise TargetError(f"--batch {batch}: expected 1 to {MAX_BATCH:,} images")


def check(model: onnx.ModelProto) -> None:
    """Runs ONNX's full checker and strict shape inference; raises InternalError.

    On a copy without the weights, of which both would make several: a weight is an input there, of its type and shape.
    """
    content = _without_weights(model).SerializeToString()
    try:
        onnx.checker.check_model(content, full_check=True)
        onnx.shape_inference.infer_shapes(content, check_type=True, strict_mode=True, data_prop=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise InternalError(f"the ONNX file that was built is not valid: {error}") from error


_SMALL = 1 << 10
"""Bytes of an initializer that `check` looks at as it is: sizes and axes are no more."""


def _without_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose large initializers are inputs instead."""
    graph, copy = model.graph, onnx.ModelProto()
    for field, value in model.ListFields():
        if field.name in ("opset_import", "metadata_props", "functions"):
            getattr(copy, field.name).extend(value)
        elif field.name != "graph":
            setattr(copy, field.name, value)
    for field, value in graph.ListFields():
        if field.name in ("node", "input", "output", "value_info"):
            getattr(copy.graph, field.name).extend(value)
        elif field.name != "initializer":
            setattr(copy.graph, field.name, value)
    for tensor in graph.initializer:
        if len(tensor.raw_data) <= _SMALL:
            copy.graph.initializer.append(tensor)
            continue
        size = prod(tensor.dims) * helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
        if len(tensor.raw_data) != size:
            raise InternalError(f"the initializer '{tensor.name}' has {len(tensor.raw_data)} bytes; expected {size}")
        copy.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    return copy


def half_parameters(graph: Graph, parameters: Mapping[str, Array]) -> Parameters:
    """Returns a graph's arrays in float16; raises TargetError where a value does not fit."""
    arrays = {}
    for name in [*graph.parameters(), *graph.buffers()]:
        with np.errstate(over="ignore"):
            arrays[name] = parameters[name].astype(np.float16)
        if not np.isfinite(arrays[name]).all():
            raise TargetError(f"--precision float16: tensor '{name}' has values beyond 65,504, which float16 does not")
    return Parameters.of(arrays)


def _graph(
    graph: Graph, parameters: Mapping[str, Array], name: str, batch: int | None, io: type[np.floating[Any]] | None
) -> tuple[onnx.GraphProto, Iterator[onnx.TensorProto]]:
    """The ONNX graph with all shapes, and its weights, in the precision of the parameters, or ``io`` at its ends."""
    arrays = {name: parameters[name] for name in [*graph.parameters(), *graph.buffers()]}
    (dtype,) = {array.dtype for array in arrays.values()}
    element = helper.np_dtype_to_tensor_dtype(dtype)
    outside = helper.np_dtype_to_tensor_dtype(np.dtype(io or dtype))
    writer = _Writer(graph, element, outside)
    arrays |= {name: a.astype(dtype) if a.dtype.kind == "f" else a for name, a in writer.constants.items()}

    def info(value: str, kind: int, name: str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, (batch or "batch", *graph.nodes[value].shape))

    image = info(graph.input.name, TensorProto.UINT8 if writer.uint8_input else outside, graph.input.name)
    outputs = [info(value, outside, key) for key, value in graph.outputs.items()]
    ports = {port.name for port in (image, *outputs)}
    inner = [info(value, element, writer.value(value)) for value in graph.nodes if writer.value(value) not in ports]
    initializers = (numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in arrays.items())
    return helper.make_graph(writer.nodes, name, [image], outputs, value_info=inner), initializers


class _Writer:
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


def _input(w: _Writer, node: Node, p: Input) -> None:
    """The graph's input is no node."""


def _conv2d(w: _Writer, node: Node, p: Conv2d) -> None:
    w.add(
        "Conv", node, *w.values(node), *node.parameters(),
        kernel_shape=p.kernel, strides=p.stride, pads=p.pads, dilations=(p.dilation, p.dilation), group=p.groups,
    )  # fmt: skip


def _batch_norm(w: _Writer, node: Node, p: BatchNorm) -> None:
    affine = node.parameters()
    if not p.affine:
        channels = node.shape[:1]
        affine = {
            w.constant(f"{node.name}.weight", np.ones(channels, np.float32)): channels,
            w.constant(f"{node.name}.bias", np.zeros(channels, np.float32)): channels,
        }
    w.add("BatchNormalization", node, *w.values(node), *affine, *node.buffers(), epsilon=p.epsilon)


def _pool(operator: str, **attributes: Any) -> Callable[[_Writer, Node, Pool], None]:
    def add(w: _Writer, node: Node, p: Pool) -> None:
        window: dict[str, Any] = {"kernel_shape": [p.kernel] * 2, "strides": [p.stride] * 2, "pads": [p.padding] * 4}
        w.add(operator, node, *w.values(node), **window, **attributes)

    return add


def _add(w: _Writer, node: Node, p: Add) -> None:
    """A chain of two-input additions: the runtimes fuse those into the convolution before them, and no Sum."""
    total, *others = w.values(node)
    for position, value in enumerate(others, start=1):
        total = w.add("Add", node, total, value, part="" if position == len(others) else str(position))


def _shift_pad(w: _Writer, node: Node, p: ShiftPad) -> None:
    starts = w.constant("shift.starts", np.array([1, 1]))
    ends = w.constant("shift.ends", np.array([np.iinfo(np.int64).max] * 2))
    axes = w.constant("shift.axes", np.array([2, 3]))
    pads = w.constant("shift.pads", np.array([0, 0, 0, 0, 0, 0, 1, 1]))
    moved = w.add("Slice", node, *w.values(node), starts, ends, axes, part="slice")
    w.add("Pad", node, moved, pads, mode="constant")


def _slice(w: _Writer, node: Node, p: Slice) -> None:
    start, stop = (w.constant(f"channel.{number}", np.array([number])) for number in (p.start, p.stop))
    w.add("Slice", node, *w.values(node), start, stop, w.constant("channel.axis", np.array([1])))


def _zero(w: _Writer, node: Node, p: Zero) -> None:
    """A constant for each image: the number of images is all that is read of the input."""
    images = w.add("Shape", node, *w.values(node), part="images", start=0, end=1)
    size = w.constant("size." + ".".join(map(str, node.shape)), np.array(node.shape))
    shape = w.add("Concat", node, images, size, part="shape", axis=0)
    w.add("ConstantOfShape", node, shape, value=helper.make_tensor("value", w.element, [1], [0]))


def _global_mean(w: _Writer, node: Node, p: GlobalMean) -> None:
    """Not ReduceMean, whose axes moved from an attribute to an input with opset 18."""
    w.add("Flatten", node, w.add("GlobalAveragePool", node, *w.values(node), part="pool"), axis=1)


def _drop_path(w: _Writer, node: Node, p: DropPath) -> None:
    raise TargetError(f"{node.name}: drop path exists in training only; ONNX files hold inference nets")


def _normalize(w: _Writer, node: Node, p: Normalize) -> None:
    """(x - mean / scale) / (std / scale), which takes two nodes instead of three; integers become floats first."""
    mean, std = (
        w.constant(f"{node.name}.{role}", (np.array(values) / p.scale).reshape(-1, 1, 1))
        for role, values in (("mean", p.mean), ("std", p.std))
    )
    (x,) = w.values(node)
    if w.uint8_input:
        x = w.add("Cast", node, x, part="cast", to=w.element)
    w.add("Div", node, w.add("Sub", node, x, mean, part="centered"), std)


EMITTERS: dict[type[Primitive], Callable[[_Writer, Node, Any], object]] = {
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
