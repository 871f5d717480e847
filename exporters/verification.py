"""Verification of ONNX files: PyTorch, ONNX Runtime and ONNX's reference evaluator on the same images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from genocc import weights as weight_files
from genocc.errors import TargetError
from genocc.files import read_bytes
from genocc.initialization import initialize
from genocc.lowering import lower
from genocc.verification import Verification

from .comparison import BATCHES, TOLERANCE, Array, Subject, compare
from .onnx import MAX_BYTES
from .onnx_runtime import run, session
from .provenance import Provenance

RUNTIME = "ONNX Runtime"
REFERENCE = "ONNX reference evaluator"


def verify(
    path: str | Path,
    *,
    weights: Mapping[str, Array] | str | Path | None = None,
    provider: str = "cpu",
    batches: Sequence[int] = BATCHES,
    reference_batches: Sequence[int] | None = None,
    seed: int = 0,
    tolerance: float = TOLERANCE,
    where: str | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> Verification:
    """Compares an .onnx file that `genocc compile` wrote with the net of its genotype in PyTorch.

    Args:
        path: The file.
        weights: Those it was compiled from; for untrained files they follow from the seed in the metadata.
        provider: Where ONNX Runtime runs it: ``cpu`` or ``cuda``.
        batches: Batch sizes for ONNX Runtime.
        reference_batches: Batch sizes for ONNX's reference evaluator; the same where not given. It is made of numpy and
            Python loops and takes 1 to 10 seconds an image for nets of full size.
        seed: Of the images.
        tolerance: The largest relative difference to accept.
        where: What messages call the file.
        note: Told what is slow before it begins.

    Raises:
        FileError: The file cannot be read.
        TargetError: It is not a file of genocc, its weights are needed, or the provider cannot be had.
        WeightsError: The weights do not fit the net.
    """
    where = where or str(path)
    content = read_bytes(path, limit=MAX_BYTES)
    model = _parsed(content, where)
    provenance = Provenance.from_metadata({entry.key: entry.value for entry in model.metadata_props}, where)
    arrays = _weights(provenance, weights, where)
    running = session(content, provider, where)
    probe = session(_without_bias(model, where).SerializeToString(), provider, where)
    subjects = [Subject(RUNTIME, lambda images: (run(running, images, where), run(probe, images, where)), batches)]
    if reference_batches is None:
        reference_batches = batches

    def interpret(images: Array) -> tuple[Array, Array]:
        note(f"{REFERENCE}, batch {len(images)} (a second or more an image) ...")
        return _interpret(model, images, where)

    if reference_batches:
        subjects.append(Subject(REFERENCE, interpret, reference_batches))
    used = running.get_providers()[0]
    return compare(provenance, arrays, subjects, provider=used, seed=seed, tolerance=tolerance)


def _parsed(content: bytes, where: str) -> onnx.ModelProto:
    try:
        model = onnx.load_from_string(content)
    except DecodeError:
        raise TargetError(f"{where}: not an ONNX file, or a damaged one") from None
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer):
        raise TargetError(f"{where}: keeps its weights in other files, which genocc never does; expected a single file")
    return model


def _weights(
    provenance: Provenance, weights: Mapping[str, Array] | str | Path | None, where: str
) -> Mapping[str, Array]:
    """The arrays of the net before any pass."""
    graph = lower(provenance.genotype, provenance.config)
    if 4 * sum(map(prod, graph.parameters().values())) > MAX_BYTES:
        raise TargetError(f"{where}: damaged metadata: it describes a net that is larger than any ONNX file")
    if weights is None:
        if provenance.seed is None:
            raise TargetError(
                f"{where}: was compiled from given weights, which passes have changed for good; "
                "give the safetensors file again with --weights"
            )
        return initialize(graph, provenance.seed)
    if isinstance(weights, (str, Path)):
        arrays = weight_files.load(weights)
        weight_files.check(arrays, graph, str(weights))
        return arrays
    return weights


def _classifier(model: onnx.ModelProto, where: str) -> tuple[onnx.NodeProto, onnx.TensorProto, onnx.TensorProto]:
    """The node of the classifier, its weight and its bias."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in reversed(model.graph.node):
        if node.op_type == "Gemm" and len(node.input) == 3 and {*node.input[1:]} <= tensors.keys():
            return node, tensors[node.input[1]], tensors[node.input[2]]
        if node.op_type != "Softmax":
            break
    raise TargetError(f"{where}: does not end in a classifier with a bias, as every net of genocc does")


def _without_bias(model: onnx.ModelProto, where: str) -> onnx.ModelProto:
    """A copy that returns the logits without the classifier's bias, and without a softmax after them."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    node, _, bias = _classifier(copy, where)
    bias.CopyFrom(numpy_helper.from_array(np.zeros_like(numpy_helper.to_array(bias)), bias.name))
    if copy.graph.node[-1] != node:
        copy.graph.node.pop()
        copy.graph.output[0].name = node.output[0]
        del copy.graph.value_info[:]  # what becomes an output must not be listed with the values between
    return copy


def _interpret(model: onnx.ModelProto, images: Array, where: str) -> tuple[Array, Array]:
    """One run of the reference evaluator, which gives the values between as well."""
    node, weight, _ = _classifier(model, where)
    try:
        values = ReferenceEvaluator(model).run(None, {"image": images}, intermediate=True)
    except Exception as error:  # of any class, as above
        raise TargetError(f"{where}: {REFERENCE} cannot run it: {_first_line(error)}") from None
    features = np.asarray(values[node.input[0]])
    return np.asarray(values[model.graph.output[0].name]), features @ numpy_helper.to_array(weight).T


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
