"""Int8 of ONNX files: ONNX Runtime's static quantizer, which puts QuantizeLinear and DequantizeLinear around layers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import get_ident
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from genocc.errors import TargetError
from genocc.runtimes.onnx_files import first_line
from genocc.runtimes.onnx_runtime import run, session

from ..depth import relative_error

Array = NDArray[Any]
LAYERS = ("Conv", "Gemm")
BATCH = 16


class QdqQuantizer:
    """A `Quantizer`.

    Args:
        model: The float32 model; BN has to be folded.
        images: To calibrate on.
        check: Called with each model before it is written.
    """

    def __init__(self, model: onnx.ModelProto, images: Array, check: Callable[[onnx.ModelProto], None]) -> None:
        self.model, self.images, self.check = model, images, check

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(node.name for node in self.model.graph.node if node.op_type in LAYERS)

    def write(self, path: Path, kept: Collection[str] = ()) -> int:
        model = quantized(self.model, self.images, kept)
        self.check(model)
        path.write_bytes(model.SerializeToString(deterministic=True))
        return len(model.graph.node)

    def costs(self, images: Array) -> Mapping[str, float]:
        expected = run(session(self.model.SerializeToString()), images)
        return {
            layer: relative_error(
                run(session(alone(self.model, self._whole, layer).SerializeToString()), images), expected
            )
            for layer in self.layers
        }

    @cached_property
    def _whole(self) -> onnx.ModelProto:
        return quantized(self.model, self.images)


def quantized(model: onnx.ModelProto, images: Array, kept: Collection[str] = ()) -> onnx.ModelProto:
    """Returns a model in int8: activations with one scale per tensor, weights with one per output channel.

    Weights are whole numbers from -64 to 64 (`exporters.int8`).

    Args:
        model: In float32.
        images: To calibrate on: ranges are the smallest and the largest value of each activation.
        kept: Names of layers that stay in float.

    Raises:
        TargetError: ONNX Runtime refuses it.
    """
    with _silent():
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches = ({model.graph.input[0].name: part} for part in _batches(model, images))

        def get_next(self) -> dict[str, Array] | None:
            return next(self._batches, None)

    source = onnx.ModelProto()
    source.CopyFrom(model)
    with TemporaryDirectory() as folder, _silent():
        path = Path(folder, "net.onnx")
        try:
            quantize_static(
                source, path, Reader(), quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=True,
                activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, nodes_to_exclude=list(kept),
                extra_options={"OpTypesToExcludeOutputQuantization": ["Gemm", "Softmax"]},
            )  # fmt: skip
        except Exception as error:  # of any class
            raise TargetError(f"ONNX Runtime cannot quantize the net: {first_line(error)}") from error
        made = onnx.load(path)
    made.producer_name, made.producer_version = model.producer_name, model.producer_version
    made.doc_string = model.doc_string
    del made.metadata_props[:]
    made.metadata_props.extend(model.metadata_props)
    _share(made.graph)
    return made


def _share(graph: onnx.GraphProto) -> None:
    """Stores equal tensors once: the zero points of all layers of one width are the same, 5 bytes per channel."""
    names: dict[tuple[int, tuple[int, ...], bytes], str] = {}
    same: dict[str, str] = {}
    kept = []
    for tensor in graph.initializer:
        key = (tensor.data_type, tuple(tensor.dims), numpy_helper.to_array(tensor).tobytes())
        same[tensor.name] = names.setdefault(key, tensor.name)
        if same[tensor.name] == tensor.name:
            kept.append(tensor)
    for node in graph.node:
        node.input[:] = [same.get(name, name) for name in node.input]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def alone(model: onnx.ModelProto, whole: onnx.ModelProto, layer: str) -> onnx.ModelProto:
    """Returns a float32 model in which one layer has the quantized input and weights that it has in another model."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    place, node = next((place, one) for place, one in enumerate(made.graph.node) if one.name == layer)
    other = next(one for one in whole.graph.node if one.name == layer)
    makers = {output: one for one in whole.graph.node for output in one.output}
    steps: list[onnx.NodeProto] = []
    for position in range(2):
        dequantize = makers[other.input[position]]
        quantize = makers.get(dequantize.input[0])  # of weights there is none: they are stored in int8
        value = node.input[position] if quantize else dequantize.input[0]
        for step in [quantize, dequantize] if quantize else [dequantize]:
            name = f"{layer}/{position}/{step.op_type}"
            steps.append(helper.make_node(step.op_type, [value, *step.input[1:]], [name], name))
            steps[-1].attribute.extend(step.attribute)
            value = name
        node.input[position] = value
    read = {name for step in steps for name in step.input}
    made.graph.initializer.extend(tensor for tensor in whole.graph.initializer if tensor.name in read)
    nodes = list(made.graph.node)
    del made.graph.node[:]
    made.graph.node.extend([*nodes[:place], *steps, *nodes[place:]])
    return made


def _batches(model: onnx.ModelProto, images: Array) -> Iterator[Array]:
    """The images, as many at a time as the model takes; what is left over of a fixed batch is filled up."""
    size = model.graph.input[0].type.tensor_type.shape.dim[0].dim_value or BATCH
    fixed = bool(model.graph.input[0].type.tensor_type.shape.dim[0].dim_value)
    for start in range(0, len(images), size):
        part = images[start : start + size]
        if fixed and len(part) < size:
            part = np.concatenate([part, np.repeat(part[:1], size - len(part), axis=0)])
        yield part


@contextmanager
def _silent() -> Iterator[None]:
    """Keeps the quantizer's remarks, which it logs as the program's own, from the user, and its handler from the log.

    What the program has set is not touched: of two threads, one would put back for good what the other has put there.
    """
    remarks, taken = _Remarks(), logging.NullHandler()
    logging.root.addHandler(taken)  # where there is one, `logging.basicConfig`, which its import calls, adds none
    logging.root.addFilter(remarks)
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        logging.root.removeFilter(remarks)
        logging.root.removeHandler(taken)


class _Remarks(logging.Filter):
    """Holds back what ONNX Runtime logs in the thread that made it."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        return record.thread != self._thread or "onnxruntime" not in Path(record.pathname).parts
