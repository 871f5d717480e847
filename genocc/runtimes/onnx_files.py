"""ONNX files as their runtimes read them: parsed, in one piece, and ending in a classifier."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import onnx
from google.protobuf.message import DecodeError, Message
from onnx import numpy_helper

from genocc.errors import TargetError
from genocc.files import read_bytes
from genocc.runtimes.compiled_file import Built, CompiledFile, Port

MAX_BYTES = 2**31 - 1
"""Size limit of an ONNX file: that of its encoding (protocol buffers)."""

MAX_NODES = 1 << 17
"""The most nodes of a file, those of its functions counted at each call."""
_MAX_CALLS = 32
_REPEATING = ("Loop", "Scan", "SequenceMap")


@dataclass(frozen=True)
class OnnxFile(CompiledFile):
    """An .onnx file: its content."""

    suffix: ClassVar[str] = ".onnx"
    runtimes: ClassVar[tuple[str, ...]] = ("onnxruntime", "reference")

    where: str
    content: bytes

    @classmethod
    def read(cls, path: str | Path, where: str) -> Self:
        return cls(where, read_bytes(path, limit=MAX_BYTES))

    @property
    def model(self) -> onnx.ModelProto:
        """The parsed content, anew each time, since it holds all weights; see `parse`."""
        return parse(self.content, self.where)

    @cached_property
    def _outline(self) -> onnx.ModelProto:
        """The model without weights."""
        model, outline = self.model, onnx.ModelProto()
        outline.metadata_props.extend(model.metadata_props)
        for part in ("node", "input", "output"):
            getattr(outline.graph, part).extend(getattr(model.graph, part))
        for tensor in model.graph.initializer:
            outline.graph.initializer.add(name=tensor.name)
        return outline

    @property
    def metadata(self) -> Mapping[str, str]:
        return {entry.key: entry.value for entry in self._outline.metadata_props}

    def built(self) -> Built:
        return _built(self._outline, self.where)


def parse(content: bytes, where: str) -> onnx.ModelProto:
    """Returns the model of a file that can be loaded and run without risk; raises TargetError.

    Its weights lie in it, no node repeats another graph (a loop need not end), and functions that call each other do
    not grow beyond ``MAX_NODES``.
    """
    try:
        model = onnx.load_from_string(content)
    except DecodeError:
        raise TargetError(f"{where}: not an ONNX file, or a damaged one") from None
    _check_nodes(model, where)
    graphs = [model.graph, *model.training_info]
    if any(_is_external(tensor) for part in (*graphs, *model.functions) for tensor in _tensors(part)):
        raise TargetError(f"{where}: keeps its weights in other files, which genocc never does; expected a single file")
    return model


def _check_nodes(model: onnx.ModelProto, where: str) -> None:
    functions = {(part.domain, part.name): part for part in model.functions}
    sizes: dict[tuple[str, str], int] = {}

    def size(nodes: Iterable[onnx.NodeProto], calls: int) -> int:
        if calls > _MAX_CALLS:
            raise TargetError(f"{where}: functions in it call each other more than {_MAX_CALLS} deep")
        total = 0
        for node in nodes:
            graphs = [graph for attribute in node.attribute for graph in (attribute.g, *attribute.graphs) if graph.node]
            if node.op_type in _REPEATING or (graphs and node.op_type != "If"):
                raise TargetError(f"{where}: node '{node.name[:60]}' is a {node.op_type[:60]}, which may run for ever; "
                                  "expected a net without loops")  # fmt: skip
            total += 1 + sum(size(graph.node, calls + 1) for graph in graphs)
            key = (node.domain, node.op_type)
            if key in functions:
                if key not in sizes:
                    sizes[key] = size(functions[key].node, calls + 1)
                total += sizes[key]
            if total > MAX_NODES:
                raise TargetError(f"{where}: more than {MAX_NODES:,} nodes; a net that genocc can run has fewer")
        return total

    size(model.graph.node, 0)


def _tensors(message: Message) -> Iterator[onnx.TensorProto]:
    """Every tensor in a message, wherever it stands: initializers, attributes, graphs within nodes."""
    if isinstance(message, onnx.TensorProto):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in [value] if isinstance(value, Message) else value:
                if isinstance(part, Message):
                    yield from _tensors(part)


def _is_external(tensor: onnx.TensorProto) -> bool:
    return bool(tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data)


def classifier(model: onnx.ModelProto, where: str) -> tuple[onnx.NodeProto, onnx.TensorProto, onnx.TensorProto]:
    """Returns the node of the classifier, its weight and its bias; raises TargetError where there is none."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in reversed(model.graph.node):
        if node.op_type == "Gemm" and len(node.input) == 3 and {*node.input[1:]} <= tensors.keys():
            return node, tensors[node.input[1]], tensors[node.input[2]]
        if node.op_type != "Softmax":
            break
    raise TargetError(f"{where}: does not end in a classifier with a bias, as every net of genocc does")


def remove_bias(model: onnx.ModelProto, where: str) -> onnx.ModelProto:
    """Makes the logits without the classifier's bias the output; returns the same model; raises TargetError."""
    node, _, bias = classifier(model, where)
    bias.CopyFrom(numpy_helper.from_array(np.zeros_like(numpy_helper.to_array(bias)), bias.name))
    if model.graph.node[-1] != node:
        model.graph.node.pop()
        model.graph.output[0].name = node.output[0]
        del model.graph.value_info[:]  # the new output must not be listed as an inner value as well
    return model


def with_outputs(model: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    """Returns a copy whose outputs are inner values, by name."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.output[:]
    copy.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    kept = [info for info in copy.graph.value_info if info.name not in names]
    del copy.graph.value_info[:]  # an output must not be listed as an inner value as well
    copy.graph.value_info.extend(kept)
    return copy


def ports(model: onnx.ModelProto) -> tuple[list[Port], list[Port]]:
    """Returns the inputs and the outputs of a model, without those inputs that are weights."""
    stored = {tensor.name for tensor in model.graph.initializer}
    inputs = [_port(value) for value in model.graph.input if value.name not in stored]
    return inputs, [_port(value) for value in model.graph.output]


_CONVERTING = ("Identity", "Cast", "QuantizeLinear", "DequantizeLinear")
"""Operators between a graph's input or output and what computes."""
_ARITHMETIC = ("Sub", "Div", "Add", "Mul")


def _built(model: onnx.ModelProto, where: str) -> Built:
    """What a graph begins and ends with; raises TargetError where it has not one input and one output."""
    inputs, outputs = ports(model)
    if len(inputs) != 1 or len(outputs) != 1:
        raise TargetError(f"{where}: {len(inputs)} inputs and {len(outputs)} outputs; expected one of each")
    made, used = dict[str, onnx.NodeProto](), dict[str, list[onnx.NodeProto]]()
    for node in model.graph.node:
        made |= dict.fromkeys(node.output, node)
        for name in node.input:
            used.setdefault(name, []).append(node)
    last = made.get(outputs[0].name)
    for _ in model.graph.node:  # a circle would have no end
        if last is None or last.op_type not in _CONVERTING:
            break
        last = made.get(last.input[0]) if last.input else None
    values, seen, normalizes = {inputs[0].name}, set[str](), False
    while values:
        seen |= values
        first = [node for name in values for node in used.get(name, [])]
        normalizes |= any(node.op_type in _ARITHMETIC for node in first)
        values = {name for node in first if node.op_type in _CONVERTING for name in node.output} - seen
    return Built(inputs[0], outputs[0], normalizes, last is not None and last.op_type.endswith("Softmax"))


def _port(value: onnx.ValueInfoProto) -> Port:
    tensor = value.type.tensor_type
    sizes = [dim.dim_value if dim.HasField("dim_value") else dim.dim_param or None for dim in tensor.shape.dim]
    types, kind = onnx.TensorProto.DataType, tensor.elem_type
    name = types.Name(kind).lower() if kind in types.values() else kind  # that of a newer ONNX has no name here
    return Port(value.name, sizes, f"tensor({name})")


def first_line(error: Exception) -> str:
    """Returns the first line of a runtime's message, or the error's class if the message is empty."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
