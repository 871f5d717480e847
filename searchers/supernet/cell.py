"""The super-cell: every candidate of every edge, of which a forward pass computes those that are live.

The operations that read a state are computed as soon as the state is known, each once for all edges that share it; a
node is then one weighted sum of their features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from genocc.operations import Block, factorized_reduce, get, relu_conv_bn
from genocc.primitives import Shape

from ..arithmetic.factory import ModuleFactory
from ..arithmetic.features import CellState, Feature, combine, normalize
from ..arithmetic.lazy import OperationModule, together
from ..interface import CellSpace
from ..parts.connection import Bypass, Connection


@dataclass(frozen=True)
class Terms:
    """The terms of the nodes' sums: which operations are live in cells of one kind and view, and their coefficients.

    Attributes:
        live: (edge, operation), by number, in order; ``none`` is never among them. A node without any is zero.
        op: (E, K), the coefficient of each operation in its node: ``Coefficients.edge * Coefficients.op``, or ones.
        edge: (E,), the coefficient of each edge's bypass.
    """

    live: tuple[tuple[int, int], ...]
    op: Tensor
    edge: Tensor


class SuperCell(nn.Module):
    """A cell with the modules of all candidates.

    Args:
        space: Its edges and operations.
        connection: How edges are computed.
        factory: Makes the modules.
        channels: C of its nodes.
        inputs: Shapes of the cell outputs that it may read, the older one first; of one input, it reads the newer one.
        reduction: Whether operations on the inputs have stride 2.
        older_is_larger: Whether the older input is twice as large as the newer one.

    Attributes:
        keys: (edge, operation), by number -> its name in ``features``; edges that share a feature have one key.
        features: The candidate operations.
        shape: (channels, height, width) of the output.
    """

    def __init__(
        self,
        space: CellSpace,
        connection: Connection,
        factory: ModuleFactory,
        *,
        channels: int,
        inputs: tuple[Shape, Shape],
        reduction: bool,
        older_is_larger: bool,
    ) -> None:
        super().__init__()
        self.space, self.reduction = space, reduction
        height, width = inputs[1][1:]
        if space.inputs > 1:
            first = factorized_reduce if older_is_larger else _pointwise
            self.pre0, _ = factory.make("pre0", inputs[0], channels, first)
            self.pre1, _ = factory.make("pre1", inputs[1], channels, _pointwise)
        self.channels, operated = connection.channels(space, factory, channels), connection.operated(channels)
        smaller = ((height + 1) // 2, (width + 1) // 2) if reduction else (height, width)
        self.keys: dict[tuple[int, int], str] = {}
        self.features = nn.ModuleDict()
        self._about: dict[str, tuple[str, int]] = {}  # feature -> its operation and stride
        for edge, (source, target) in enumerate(space.edges):
            size, stride = ((height, width), 1 + reduction) if source < space.inputs else (smaller, 1)
            for number, name in enumerate(space.operations):
                if name == "none" or not space.competes(edge, number):
                    continue
                shared = connection.share or not get(name).graph(2, stride).parameters()
                key = self.keys[edge, number] = f"{source}_{name}" if shared else f"{source}_{target}_{name}"
                if key not in self.features:
                    self._about[key] = name, stride
                    recipe = partial(get(name).lower, stride=stride)
                    self.features[key], _ = factory.make(f"features.{key}", (operated, *size), operated, recipe)
        self.shape: Shape = (len(space.concat) * channels, *smaller)

    def forward(self, older: CellState, newer: CellState, terms: Terms) -> CellState:
        """Returns the concatenation of the nodes; with one input, the last of them.

        Args:
            older: Output of cell k-2.
            newer: Output of cell k-1.
            terms: The live operations and their coefficients.
        """
        space, channels = self.space, self.channels
        states = [newer]
        if space.inputs > 1:
            states = [CellState(self.pre0(older).computed()), CellState(self.pre1(newer).computed())]
        found: dict[str, Feature] = {}
        for number in range(space.inputs + space.nodes):
            if number >= space.inputs:
                states.append(CellState(self._node(number, states, found, terms)))
            wanted = list(dict.fromkeys(self.keys[e, k] for e, k in terms.live if space.edges[e][0] == number))
            if wanted:
                new = together([self._operation(key) for key in wanted], channels.source(number, states[number]))
                normalize(new)
                found |= zip(wanted, new, strict=True)
        output = [states[state] for state in space.concat]
        return output[0] if len(output) == 1 else CellState(torch.cat([state.map for state in output], -1))

    def _operation(self, key: str) -> OperationModule:
        module = self.features[key]
        assert isinstance(module, OperationModule)
        return module

    def _node(self, number: int, states: Sequence[CellState], found: Mapping[str, Feature], terms: Terms) -> Tensor:
        chosen = [(e, k) for e, k in terms.live if self.space.edges[e][1] == number]
        if not chosen:
            maps, (_, *size), planes = states[0].map, self.shape, states[0].map.shape[3]
            return maps.new_zeros(len(maps), *size, planes, maps.shape[4])
        edges, operations = zip(*chosen, strict=True)
        keys = [self.keys[choice] for choice in chosen]
        features = [self.channels.feature(*self._about[key], found[key]) for key in keys]
        summed = combine(features, terms.op[list(edges), list(operations)])
        bypasses = [
            Bypass(states[source], terms.edge[e], 1 + (self.reduction and source < self.space.inputs))
            for e in sorted(set(edges))
            for source in self.space.edges[e][:1]
        ]
        return self.channels.node(number, summed, bypasses)


def _pointwise(block: Block, x: str) -> str:
    return relu_conv_bn(1)(block, x, 1)
