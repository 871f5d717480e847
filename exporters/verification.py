"""Verification of ONNX files: PyTorch, ONNX Runtime and ONNX's reference evaluator on the same images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path

from genocc import weights as weight_files
from genocc.errors import TargetError
from genocc.files import read_bytes
from genocc.initialization import initialize
from genocc.lowering import lower
from genocc.provenance import Provenance
from genocc.runtimes.onnx_files import MAX_BYTES, parse, without_bias
from genocc.runtimes.onnx_reference import RUNTIME as REFERENCE
from genocc.runtimes.onnx_reference import interpret as interpret_model
from genocc.runtimes.onnx_runtime import run, session
from genocc.verification import Verification

from .comparison import BATCHES, TOLERANCE, Array, Subject, compare

RUNTIME = "ONNX Runtime"


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
    model = parse(content, where)
    provenance = Provenance.from_metadata({entry.key: entry.value for entry in model.metadata_props}, where)
    arrays = _weights(provenance, weights, where)
    running = session(content, provider, where)
    probe = session(without_bias(model, where).SerializeToString(), provider, where)
    subjects = [Subject(RUNTIME, lambda images: (run(running, images, where), run(probe, images, where)), batches)]
    if reference_batches is None:
        reference_batches = batches

    def interpret(images: Array) -> tuple[Array, Array]:
        note(f"{REFERENCE}, batch {len(images)} (a second or more an image) ...")
        return interpret_model(model, images, where)

    if reference_batches:
        subjects.append(Subject(REFERENCE, interpret, reference_batches))
    used = running.get_providers()[0]
    return compare(provenance, arrays, subjects, provider=used, seed=seed, tolerance=tolerance)


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
