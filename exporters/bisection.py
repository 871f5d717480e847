"""The search for a pass that changes what a genotype's net computes, with PyTorch in float64 as the judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from genocc.compiler import compile_net
from genocc.genotype import Genotype
from genocc.graph import Graph
from genocc.network import NetworkConfig
from genocc.nn.graph_module import graph_module
from genocc.passes import PASSES, Parameters, select
from genocc.passes.bisect import Bisection, bisect
from genocc.primitives import BatchNorm
from genocc.runtimes.torch import one_thread
from genocc.source import Source

from .comparison import Array


def bisect_passes(
    genotype: Genotype | Source,
    config: NetworkConfig | None = None,
    *,
    passes: Sequence[str],
    weights: str | Path | None = None,
    seed: int | None = None,
) -> Bisection:
    """Returns the first pass after which a genotype's net computes something else.

    Args:
        genotype: The cells, or what `genocc.open` returns: a training run has its own network and weights.
        config: The network around them.
        passes: Names of passes, in order.
        weights: A safetensors file. Without it weights are initialised from ``seed``, and BN gets random statistics,
            scales and shifts: as the identity, which it is in the beginning, it would hide what a pass does with it.
        seed: Of weights and images [0].

    Raises:
        GenoccError: A pass is unknown or breaks the graph, or the weights do not fit.
    """
    net = compile_net(genotype, config, weights=weights, seed=seed)
    graph = net.logical
    arrays = net.weights if net.trained else _random(graph, net.weights, net.seed)
    images = torch.from_numpy(np.random.default_rng(net.seed % 2**63).standard_normal((2, *graph.input.shape)))

    def evaluate(graph: Graph, parameters: Parameters) -> Array:
        with torch.inference_mode(), one_thread():
            logits: Array = graph_module(graph, parameters).eval()(images).numpy()
        return logits

    return bisect(graph, Parameters.of(arrays).astype(np.float64), select(passes, PASSES), evaluate)


def _random(graph: Graph, initial: Mapping[str, Array], seed: int) -> Mapping[str, Array]:
    """Initial weights with a BN of its own in every place; see `bisect_passes`."""
    arrays = dict(initial)
    random = np.random.default_rng(seed % 2**63)
    for node in graph.nodes.values():
        if isinstance(node.primitive, BatchNorm):
            for name, shape in {**node.parameters(), **node.buffers()}.items():
                positive = name.endswith((".weight", ".running_var"))
                arrays[name] = (random.uniform(0.5, 1.5, shape) if positive else random.normal(0, 0.5, shape)).astype(
                    np.float32
                )
    return arrays
