"""Seeded parameters as numpy arrays, so that every target of one seed holds the same weights.

The distributions are PyTorch's defaults for these layers: weights and biases of convolutions and linear layers are
uniform within 1/sqrt(fan-in), BN starts as the identity. Each tensor has a random stream of its own, derived from the
seed and its name, so that it does not change when other tensors come or go.
"""

from __future__ import annotations

from functools import partial
from hashlib import sha256
from math import prod, sqrt

import numpy as np
from numpy.typing import NDArray

from genocc import origins
from genocc.graph import Graph, Node
from genocc.passes import Parameters
from genocc.primitives import BatchNorm


def initialize(graph: Graph, seed: int = 0) -> Parameters:
    """Returns all parameters and buffers of a graph (float32), each made when it is first read.

    Args:
        graph: The net; its training lowering to include the auxiliary head.
        seed: Any integer.
    """
    return Parameters({
        name: partial(_initial, node, name, shape, seed)
        for node in graph.nodes.values()
        for name, shape in {**node.parameters(), **node.buffers()}.items()
    })  # fmt: skip


def _initial(node: Node, name: str, shape: tuple[int, ...], seed: int) -> NDArray[np.float32]:
    role = origins.role(name)
    if isinstance(node.primitive, BatchNorm):
        return np.full(shape, 1.0 if role in ("weight", "running_var") else 0.0, np.float32)
    fan_in = prod(node.parameters()[f"{node.name}.weight"][1:])
    stream = np.random.default_rng([seed % 2**63, *sha256(name.encode()).digest()[:16]])
    bound = 1 / sqrt(fan_in)
    return stream.uniform(-bound, bound, shape).astype(np.float32)
