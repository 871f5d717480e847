"""Connection: how the edges of a super-cell are computed.

A cell hands each live (edge, operation) to its node as a `Feature`; what happens to a state before the operations and
to a node after them is one of three: nothing, a bottleneck, or partial channels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from genocc.errors import InternalError
from genocc.graph import GraphBuilder, Input, Shape
from genocc.initialization import initialize
from genocc.operations import Block, factorized_reduce, get, relu_conv_bn

from .constructs import OperationModule, SuperNetBlock, on_planes
from .features import Feature, State, combine, normalize
from .interface import CellSpace
from .maps import weighted_sum
from .parts import ConnectionConfig


@dataclass(frozen=True)
class Terms:
    """What is live in the cells of one kind and view, and with which coefficients.

    Attributes:
        live: Numbers of (edge, operation), in order; ``none`` is never among them.
        op: (E, K), the coefficient of an operation in its node: ``Coefficients.edge * Coefficients.op``, or ones.
        edge: (E,), that of an edge's bypass.
    """

    live: tuple[tuple[int, int], ...]
    op: Tensor
    edge: Tensor


@dataclass(frozen=True)
class Workshop:
    """Makes a cell's modules: each from a recipe, with parameters that its origin and the seed determine."""

    seed: int
    origin: str

    def make(
        self, name: str, shape: Shape, channels: int, recipe: Callable[[Block, str], str]
    ) -> tuple[OperationModule, Shape]:
        """Returns a recipe's module and the shape of its output; ``shape`` is its input's, ``channels`` its C."""
        builder, origin, (c, height, width) = GraphBuilder(), f"{self.origin}.{name}", shape
        x = builder.add("x", Input(c, height, width))
        y = recipe(SuperNetBlock(builder, origin, channels), x)
        graph = builder.build(y=y)
        return OperationModule(graph, initialize(graph, self.seed), origin), builder.shape(y)


class SuperCell(nn.Module):
    """A cell with every candidate; what a forward pass computes of them is given as `Terms`.

    Args:
        space: Its edges and operations.
        connection: How they are computed.
        workshop: Makes the modules.
        channels: C of its nodes.
        inputs: Shapes of the two cell outputs that it reads.
        reduction: Whether operations on the inputs have stride 2.
        older_is_larger: Whether the older input is twice as large as the newer one.
    """

    def __init__(
        self,
        space: CellSpace,
        connection: ConnectionConfig,
        workshop: Workshop,
        *,
        channels: int,
        inputs: tuple[Shape, Shape],
        reduction: bool,
        older_is_larger: bool,
    ) -> None:
        super().__init__()
        self.space, self.reduction = space, reduction
        first = factorized_reduce if older_is_larger else _pointwise
        self.pre0, _ = workshop.make("pre0", inputs[0], channels, first)
        self.pre1, shape = workshop.make("pre1", inputs[1], channels, _pointwise)
        height, width = shape[1:]
        if connection.bottleneck:
            self.channels: Channels = Bottleneck(space, workshop, channels, connection.bottleneck)
        elif connection.partial > 1:
            self.channels = PartialChannels(channels, connection.partial)
        else:
            self.channels = Channels(channels)
        smaller = ((height + 1) // 2, (width + 1) // 2) if reduction else (height, width)
        self.keys: dict[tuple[int, int], str] = {}
        self.features = nn.ModuleDict()
        for edge, (source, target) in enumerate(space.edges):
            size, stride = ((height, width), 1 + reduction) if source < space.inputs else (smaller, 1)
            for number, name in enumerate(space.operations):
                if name == "none":
                    continue
                one_for_all = connection.share or not get(name).graph(2, stride).parameters()
                key = f"{source}_{name}" if one_for_all else f"{source}_{target}_{name}"
                self.keys[edge, number] = key
                if key not in self.features:
                    width_of = self.channels.operated
                    recipe = partial(get(name).lower, stride=stride)
                    self.features[key], _ = workshop.make(f"features.{key}", (width_of, *size), width_of, recipe)
        self.shape: Shape = (space.nodes * channels, *smaller)

    def forward(self, older: State, newer: State, terms: Terms) -> State:
        """Returns the concatenation of the nodes.

        Args:
            older: Output of cell k-2.
            newer: Output of cell k-1.
            terms: What is live.
        """
        space, channels = self.space, self.channels
        states = [State(self.pre0(older).computed()), State(self.pre1(newer).computed())]
        found: dict[str, Feature] = {}
        for number in range(space.inputs + space.nodes):
            if number >= space.inputs:
                states.append(State(self._node(number, states, found, terms)))
            wanted = {self.keys[e, k]: None for e, k in terms.live if space.edges[e][0] == number}
            if wanted:
                source = channels.source(number, states[number])
                new = {key: self.features[key](source) for key in wanted}
                normalize(list(new.values()))
                found |= new
        return State(torch.cat([state.map for state in states[space.inputs :]], -1))

    def _node(self, number: int, states: Sequence[State], found: Mapping[str, Feature], terms: Terms) -> Tensor:
        chosen = [(e, k) for e, k in terms.live if self.space.edges[e][1] == number]
        if not chosen:
            raise InternalError(f"nothing is live at node {number} of a cell: a mask keeps an operation at every node")
        edges, operations = zip(*chosen, strict=True)
        summed = combine([found[self.keys[choice]] for choice in chosen], terms.op[list(edges), list(operations)])
        bypasses = [
            Bypass(states[source], terms.edge[e], 1 + (self.reduction and source < self.space.inputs))
            for e in sorted(set(edges))
            for source in self.space.edges[e][:1]
        ]
        return self.channels.node(number, summed, bypasses)


@dataclass(frozen=True)
class Bypass:
    """What passes a live edge beside its operations: the source, the edge's coefficient and its stride."""

    source: State
    coefficient: Tensor
    stride: int


class Channels(nn.Module):
    """What happens to a state before the operations, and to their sum at a node: here nothing (DARTS).

    Attributes:
        operated: Number of channels that operations work on.
    """

    def __init__(self, operated: int) -> None:
        super().__init__()
        self.operated = operated

    def source(self, number: int, state: State) -> State:
        """Returns what operations read of state ``number``."""
        return state

    def node(self, number: int, summed: Tensor, bypasses: Sequence[Bypass]) -> Tensor:
        """Returns the value (.., C) of state ``number`` from the sum of its operations (.., operated)."""
        return summed


class Bottleneck(Channels):
    """1x1 conv and BN to C/ratio once a state, before all operations; back to C once a node (EnTranNAS 2.5)."""

    def __init__(self, space: CellSpace, workshop: Workshop, channels: int, ratio: int) -> None:
        super().__init__(channels // ratio)
        wide, narrow = (channels, 1, 1), (self.operated, 1, 1)
        sources = sorted({source for source, _ in space.edges})
        nodes = range(space.inputs, space.inputs + space.nodes)
        self.reduce = nn.ModuleDict(
            {str(n): workshop.make(f"channels.reduce.{n}", wide, self.operated, _conv_bn)[0] for n in sources}
        )
        self.recover = nn.ModuleDict(
            {str(n): workshop.make(f"channels.recover.{n}", narrow, channels, _conv_bn)[0] for n in nodes}
        )

    def source(self, number: int, state: State) -> State:
        return State(self.reduce[str(number)](state).computed())

    def node(self, number: int, summed: Tensor, bypasses: Sequence[Bypass]) -> Tensor:
        value: Tensor = self.recover[str(number)](State(summed)).computed()
        return value


class PartialChannels(Channels):
    """The first C/K channels through the operations, the others past them, then a shuffle (PC-DARTS 3.2).

    The shuffle writes channel i of group g to place i K + g. It stands behind the node's sum, once, because it
    commutes with it; as a permutation matrix it is part of the sum.
    """

    active: Tensor
    passive: Tensor

    def __init__(self, channels: int, ratio: int) -> None:
        super().__init__(channels // ratio)
        group, position = torch.arange(channels) // self.operated, torch.arange(channels) % self.operated
        shuffle = torch.eye(channels)[position * ratio + group]  # row c is where channel c goes
        self.register_buffer("active", shuffle[: self.operated], persistent=False)
        self.register_buffer("passive", shuffle * (group > 0)[:, None], persistent=False)

    def source(self, number: int, state: State) -> State:
        return State(state.map[..., : self.operated].contiguous())

    def node(self, number: int, summed: Tensor, bypasses: Sequence[Bypass]) -> Tensor:
        maps = [summed, *(self._bypassed(bypass) for bypass in bypasses)]
        matrices = [self.active, *(bypass.coefficient * self.passive for bypass in bypasses)]
        return weighted_sum(maps, matrices, self.active.new_zeros(self.active.shape[1]))

    @staticmethod
    def _bypassed(bypass: Bypass) -> Tensor:
        """The whole source: ``passive`` takes the bypassing channels of it. A stride of 2 is a 2x2 max pool."""
        if bypass.stride == 1:
            return bypass.source.map
        pool = partial(on_planes, function=functional.max_pool2d, kernel_size=2, ceil_mode=True)
        halved: Tensor = bypass.source.once("halved", pool)
        return halved


def _pointwise(block: Block, x: str) -> str:
    return relu_conv_bn(1)(block, x, 1)


def _conv_bn(block: Block, x: str) -> str:
    return block.norm(block.conv(x, "conv", 1))
