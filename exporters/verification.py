"""Verification of files: PyTorch and the runtimes that read them, on the same images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path

import numpy as np

from genocc import weights as weight_files
from genocc.compiler import compile_net
from genocc.counting import check_activations
from genocc.errors import TargetError
from genocc.graph import Graph
from genocc.initialization import initialize
from genocc.lowering import lower
from genocc.precision import FLOAT32
from genocc.provenance import Provenance, check_net
from genocc.runtimes.base import LoadedNet, Runtime, in_batches_of
from genocc.runtimes.compiled_file import CompiledFile
from genocc.runtimes.files import open_file
from genocc.runtimes.nets import NetFile
from genocc.runtimes.onnx_files import MAX_BYTES
from genocc.runtimes.table import chosen
from genocc.runtimes.torch import one_thread
from genocc.targets import CompiledNet
from genocc.verification import Verification

from .comparison import BATCHES, TOLERANCE, Array, LoadedFile, compare
from .depth import compare_depth


def verify(
    path: str | Path,
    *,
    net: CompiledNet | None = None,
    weights: Mapping[str, Array] | str | Path | None = None,
    provider: str = "cpu",
    runtimes: Sequence[str] = (),
    batches: Sequence[int] = BATCHES,
    reference_batches: Sequence[int] | None = None,
    seed: int = 0,
    tolerance: float | None = None,
    where: str | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> Verification:
    """Compares a file that `genocc compile` wrote with the net of its genotype in PyTorch.

    Args:
        path: The file.
        net: What it was compiled from, where that is at hand; else the file's metadata and ``weights`` say it.
        weights: Those it was compiled from; for untrained files they follow from the seed in the metadata.
        provider: Where it is run: ``cpu`` or ``cuda``. Of the file's own runtimes the first runs there, others on the
            CPU.
        runtimes: Names of what runs it, or ``all``; those of its kind where none is given: of an .onnx file ONNX
            Runtime and ONNX's reference evaluator.
        batches: Batch sizes.
        reference_batches: Batch sizes for slow runtimes; the same where not given. ONNX's reference evaluator is made
            of numpy and Python loops and takes 1 to 10 seconds per image for nets of full size.
        seed: Of the images.
        tolerance: The largest relative difference to accept; where not given, 1e-4, or that of the file's precision in
            `genocc.exporters.depth.TOLERANCES`.
        where: What messages call the file.
        note: Told what is slow before it begins.

    Raises:
        FileError: The file cannot be read.
        TargetError: It is not a file of genocc, its weights are needed, or the provider is not available.
        WeightsError: The weights do not fit the net.
    """
    file = open_file(path, where)
    provenance = file.provenance()
    logical, arrays = (net.logical, net.weights) if net else _described(provenance, weights, file)
    reference_batches = batches if reference_batches is None else reference_batches
    files, used, low = [], [], []
    for runtime in chosen(file, runtimes, provider):
        if provenance.precision != FLOAT32 and not runtimes and runtime.slow:
            continue  # ONNX's reference evaluator has other rules for what is quantized
        tried = reference_batches if runtime.slow else batches
        if tried or runtimes:
            loaded = runtime.load(file, provider if provider in runtime.providers else "cpu")
            check_activations(logical, loaded.batch or 1, "choose a smaller --batch, or --no-verify")
            used.append(loaded.provider)
            files.append(LoadedFile(runtime.title, _observing(runtime, loaded, note), tried))
            low.append((runtime.title, loaded))
    ran = next(iter(used), provider)
    if provenance.precision != FLOAT32:
        compiled = net or compile_net(provenance.genotype, provenance.config, weights=arrays, passes=provenance.passes)
        return compare_depth(
            provenance, compiled, low, provider=ran, batches=batches, seed=seed, tolerance=tolerance
        )  # fmt: skip
    accepted = TOLERANCE if tolerance is None else tolerance
    return compare(provenance, logical, arrays, files, provider=ran, seed=seed, tolerance=accepted)


def _observing(
    runtime: Runtime, loaded: LoadedNet, note: Callable[[str], None]
) -> Callable[[Array], tuple[Array, Array]]:
    """What `compare` calls: on one thread where PyTorch computes, and for any number of images."""
    both = in_batches_of(loaded.batch, lambda images: np.concatenate(loaded.observe(images), axis=1))

    def observe(images: Array) -> tuple[Array, Array]:
        if runtime.slow:
            note(f"{runtime.title}, batch {len(images)} ({runtime.slow}) ...")
        with one_thread():
            outputs, response = np.hsplit(both(images), 2)
        return outputs, response

    return observe


def _described(
    provenance: Provenance, weights: Mapping[str, Array] | str | Path | None, file: CompiledFile
) -> tuple[Graph, Mapping[str, Array]]:
    """The graph before any pass, as the metadata say it, and its arrays."""
    where = file.where
    graph = lower(provenance.genotype, provenance.config)
    if 4 * sum(map(prod, graph.parameters().values())) > MAX_BYTES:
        raise TargetError(f"{where}: damaged metadata: it describes a net that is larger than any file of genocc")
    if isinstance(weights, (str, Path)):
        arrays = weight_files.load(weights)
        weight_files.check(arrays, graph, str(weights))
        check_net(weight_files.metadata(weights), provenance.genotype, provenance.config, str(weights))
        return graph, arrays
    if weights is None and provenance.seed is None:
        if isinstance(file, NetFile):
            return graph, file.arrays
        raise TargetError(
            f"{where}: was compiled from given weights, which passes have changed for good; "
            "give the safetensors file again with --weights"
        )
    return graph, initialize(graph, provenance.seed or 0) if weights is None else weight_files.as_arrays(weights)
