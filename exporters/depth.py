"""How far a file of lower precision is from the net in float32, from the stem to the logits.

Rounding adds up from layer to layer, so that no limit of float32 fits. What is measured is the error of the last value
of each cell, relative to that value in the same optimized net in PyTorch: it grows slowly in a file that is right, and
jumps to about 1 at a layer that is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
import torch

from genocc import origins
from genocc.counting import check_activations
from genocc.errors import TargetError
from genocc.graph import Graph
from genocc.nn.graph_module import graph_module
from genocc.primitives import Input, Relu
from genocc.provenance import Provenance
from genocc.runtimes.base import LoadedNet, in_batches_of
from genocc.runtimes.torch import one_thread
from genocc.targets import CompiledNet
from genocc.verification import Comparison, DepthError, Verification

from .comparison import Array, difference, random_images
from .deployment import deployed

TOLERANCES = {"float16": 0.02, "bfloat16": 0.15, "int8": 0.5}
"""Precision -> the largest error of a value, as `relative_error` gives it."""


def compare_depth(
    provenance: Provenance,
    net: CompiledNet,
    files: Sequence[tuple[str, LoadedNet]],
    *,
    provider: str,
    batches: Sequence[int],
    seed: int = 0,
    tolerance: float | None = None,
) -> Verification:
    """Returns the comparison of a loaded file of lower precision with PyTorch on the same random images.

    Args:
        provenance: Of the file.
        net: What it was compiled from, after the same passes.
        files: Name of a runtime, for people, and the file in it.
        provider: Where they really run.
        batches: Numbers of images to try.
        seed: Of the images.
        tolerance: The largest relative error to accept; that of ``TOLERANCES`` where not given.

    Raises:
        TargetError: A runtime does not show the values within, or an output has another shape than the net's.
        NetworkError: A batch needs more memory than a verification may.
    """
    check_activations(net.logical, max(batches), "choose smaller images or batches, or leave the verification out")
    graph = deployed(
        net.graph, normalize=provenance.normalize, uint8_input=provenance.uint8_input, softmax=provenance.softmax
    )
    random = np.random.default_rng(seed % 2**63)
    comparisons, errors = [], []
    for name, file in files:
        if file.inner is None:
            raise TargetError(f"{name}: does not show the values within a file, which this verification needs")
        inner = file.inner()
        places = shown_places(graph, inner.names)
        if not places:
            raise TargetError(f"{name}: the file has no value of the net that it says it is; it is damaged")
        reference = graph_module(_with_outputs(graph, list(places.values())), net.parameters).eval()
        (output,) = graph.outputs.values()
        logits = graph_module(graph, net.parameters).eval()
        shown = inner.load(list(places.values()))
        for batch in batches:
            images = random_images(provenance, graph.input.shape, batch, random)
            size = file.batch or batch
            padded = np.resize(images, (size, *images.shape[1:])) if batch < size else images
            with one_thread(), torch.inference_mode():
                x = torch.from_numpy(images)
                x = x.float() if provenance.half_io else x
                expected = [value.numpy() for value in _tuple(reference(x))]
                right = logits(x).numpy()
                found = [value[:batch] for value in shown(padded)] if batch <= size else []
                outputs = in_batches_of(file.batch, file.infer)(images)
            max_abs, max_rel = difference(outputs, right, name)
            agreement = float((outputs.argmax(1) == right.argmax(1)).mean())
            comparisons.append(Comparison(name, batch, max_abs, max_rel, agreement))
            of_cells = zip(places, found, expected, strict=False)
            errors += [(place, relative_error(one, other)) for place, one, other in of_cells]
            errors.append((output_name(provenance), relative_error(outputs, right)))
        del output
    worst = {place: max(error for where, error in errors if where == place) for place, _ in errors}
    return Verification(
        provider,
        provenance.weights,
        TOLERANCES[provenance.precision] if tolerance is None else tolerance,
        tuple(comparisons),
        provenance.precision,
        tuple(DepthError(place, error) for place, error in worst.items()),
    )


def shown_places(graph: Graph, names: frozenset[str]) -> Mapping[str, str]:
    """Returns place -> name of its last value that a file shows: the stem, each cell, the head.

    ReLUs are left out: quantizers drop them, or give their name to the value before, where the range of a quantized
    type does what they do.
    """
    found: dict[str, str] = {}
    for node in graph.nodes.values():
        if node.name in names and not isinstance(node.primitive, (Input, Relu)):
            place = origins.parse(node.name).place
            found[f"cell {place.cell}" if not isinstance(place, origins.Section) else place.name] = node.name
    return found


def output_name(provenance: Provenance) -> str:
    """Returns what the output of a file is called."""
    return "probabilities" if provenance.softmax else "logits"


def relative_error(found: Array, expected: Array) -> float:
    """Returns the root mean square of a difference over that of what is expected; infinite with NaN."""
    scale = float(np.square(expected, dtype=np.float64).mean()) ** 0.5
    error = float(np.square(found.astype(np.float64) - expected).mean()) ** 0.5
    return error / scale if scale and np.isfinite(error) else (float("inf") if error else 0.0)


def _with_outputs(graph: Graph, names: Sequence[str]) -> Graph:
    return Graph(graph.nodes, MappingProxyType({name: name for name in names}))


def _tuple(outputs: torch.Tensor | tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return (outputs,) if isinstance(outputs, torch.Tensor) else outputs
