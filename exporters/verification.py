"""Verification of ONNX files: PyTorch, ONNX Runtime and ONNX's reference evaluator on the same images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path

from genocc import weights as weight_files
from genocc.compiler import CompiledNet
from genocc.errors import TargetError
from genocc.files import read_bytes
from genocc.graph import Graph
from genocc.initialization import initialize
from genocc.lowering import lower
from genocc.provenance import Provenance
from genocc.runtimes.onnx_files import MAX_BYTES, parse, without_bias
from genocc.runtimes.onnx_reference import RUNTIME as REFERENCE
from genocc.runtimes.onnx_reference import interpret as interpret_model
from genocc.runtimes.onnx_runtime import run, session
from genocc.verification import Verification

from .comparison import BATCHES, TOLERANCE, Array, LoadedFile, compare

RUNTIME = "ONNX Runtime"


def verify(
    path: str | Path,
    *,
    net: CompiledNet | None = None,
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
        net: What it was compiled from, where that is at hand; else the file's metadata and ``weights`` say it.
        weights: Those it was compiled from; for untrained files they follow from the seed in the metadata.
        provider: Where ONNX Runtime runs it: ``cpu`` or ``cuda``.
        batches: Batch sizes for ONNX Runtime.
        reference_batches: Batch sizes for ONNX's reference evaluator; the same where not given. It is made of numpy and
            Python loops and takes 1 to 10 seconds per image for nets of full size.
        seed: Of the images.
        tolerance: The largest relative difference to accept.
        where: What messages call the file.
        note: Told what is slow before it begins.

    Raises:
        FileError: The file cannot be read.
        TargetError: It is not a file of genocc, its weights are needed, or the provider is not available.
        WeightsError: The weights do not fit the net.
    """
    where = where or str(path)
    content = read_bytes(path, limit=MAX_BYTES)
    model = parse(content, where)
    provenance = Provenance.from_metadata({entry.key: entry.value for entry in model.metadata_props}, where)
    logical, arrays = (net.logical, net.weights) if net else _described(provenance, weights, where)
    whole = session(content, provider, where)
    biasless = session(without_bias(model, where).SerializeToString(), provider, where)

    def infer(images: Array) -> tuple[Array, Array]:
        return run(whole, images, where), run(biasless, images, where)

    def interpret(images: Array) -> tuple[Array, Array]:
        note(f"{REFERENCE}, batch {len(images)} (a second or more per image) ...")
        return interpret_model(model, images, where)

    files = [LoadedFile(RUNTIME, infer, batches)]
    reference_batches = batches if reference_batches is None else reference_batches
    if reference_batches:
        files.append(LoadedFile(REFERENCE, interpret, reference_batches))
    used = whole.get_providers()[0]
    return compare(provenance, logical, arrays, files, provider=used, seed=seed, tolerance=tolerance)


def _described(
    provenance: Provenance, weights: Mapping[str, Array] | str | Path | None, where: str
) -> tuple[Graph, Mapping[str, Array]]:
    """The graph before any pass, as the metadata say it, and its arrays."""
    graph = lower(provenance.genotype, provenance.config)
    if 4 * sum(map(prod, graph.parameters().values())) > MAX_BYTES:
        raise TargetError(f"{where}: damaged metadata: it describes a net that is larger than any ONNX file")
    if isinstance(weights, (str, Path)):
        arrays = weight_files.load(weights)
        weight_files.check(arrays, graph, str(weights))
        return graph, arrays
    if weights is None and provenance.seed is None:
        raise TargetError(
            f"{where}: was compiled from given weights, which passes have changed for good; "
            "give the safetensors file again with --weights"
        )
    return graph, initialize(graph, provenance.seed or 0) if weights is None else weights
