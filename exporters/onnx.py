"""The ONNX target: written directly from the primitive graph, without tracing and without PyTorch.

Every value, node and initializer is named by its origin (``cells.3.nodes.1.sep_conv_3x3.0.dw1``), so that a viewer
or a profile shows the genotype. Only operators of the standard domain are used. The file is checked before it is
written, holds its weights itself, and is the same, byte for byte, each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import onnx
from onnx import helper

from genocc import arguments
from genocc.errors import InternalError, TargetError
from genocc.graph import Graph
from genocc.passes import Parameters
from genocc.runtimes import MAX_BATCH
from genocc.runtimes.onnx_files import MAX_BYTES
from genocc.targets import CompiledNet
from genocc.verification import Verification
from genocc.version import __version__

from .onnx_nodes import Array, graph_and_initializers
from .precision import PreciseExporter

if TYPE_CHECKING:
    from .int8.gate import Quantizer

OLDEST_OPSET = 17


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
        object.__setattr__(self, "batch", checked_batch(self.batch))
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
        proto, initializers = graph_and_initializers(graph, parameters, net.genotype.name, self.batch, io=outside)
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


def checked_batch(batch: int | None) -> int | None:
    """Returns a fixed batch size; raises GenoccError for one that is not possible."""
    return None if batch is None else arguments.whole(batch, "--batch", 1, MAX_BATCH)


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
