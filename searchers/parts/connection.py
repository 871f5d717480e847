"""Connection: how an edge is computed.

A state on its way into the operations, and their sum at a node, pass through `Channels` (unchanged: DARTS), a
`Bottleneck` (EnTranNAS) or `PartialChannels` (PC-DARTS).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional

from genocc.configuration import refuse
from genocc.operations import Block

from ..arithmetic.factory import ModuleFactory
from ..arithmetic.features import CellState, Feature
from ..arithmetic.lazy import on_planes
from ..arithmetic.maps import MapShare, weighted_sum
from ..interface import CellSpace
from ..registry import Composition, OpenPart


class Connection(OpenPart):
    """How an edge is computed.

    Attributes:
        share: Whether an operation on a state is computed once per cell, for all nodes that read it (EnTranNAS 2.3).
    """

    kind: ClassVar[str] = "connection"
    group: ClassVar[str] = "genocc.connections"
    usual: ClassVar[str] = "weighted-sum"

    share: bool = False

    def channels(self, space: CellSpace, factory: ModuleFactory, channels: int) -> Channels:
        """Returns what leads into and out of the operations of a cell with C = ``channels``."""
        return Channels(self.operated(channels))

    def operated(self, channels: int) -> int:
        """Returns how many channels the operations of a cell with C = ``channels`` work on."""
        return channels


class WeightedSum(Connection):
    """Every live operation, multiplied by its coefficient, on all channels of a state, on a part or on fewer.

    Attributes:
        partial: K: only the first 1/K of the channels goes through the operations, the rest bypasses them (PC-DARTS
            Eq. 1; 4.2: 4 on CIFAR-10, 4.3: 2 on ImageNet). 1: all channels.
        bottleneck: Ratio by which a 1x1 convolution reduces the channels before all operations; another recovers them
            at each node (EnTranNAS 2.5: 4). None: no bottleneck.
    """

    name: Literal["weighted-sum"] = "weighted-sum"
    partial: int = Field(default=1, ge=1, le=64)
    bottleneck: Annotated[int, Field(ge=2, le=64)] | None = None

    @model_validator(mode="after")
    def _meaningful(self) -> Self:
        if self.partial > 1 and self.bottleneck:
            refuse(
                "connection.bottleneck with connection.partial > 1: the bottleneck mixes all channels before the "
                "operations, so none are left that could bypass them; choose one of the two"
            )
        if self.partial > 1 and self.share:
            refuse(
                "connection.share with connection.partial > 1: an edge of PC-DARTS is its operations and its own "
                "bypass, so a feature shared by edges would stand for a part of each; choose one of the two"
            )
        return self

    def check(self, config: Composition) -> None:
        for name, ratio in (("partial", self.partial), ("bottleneck", self.bottleneck or 1)):
            if config.supernet.channels % ratio:
                refuse(
                    f"connection.{name}={ratio} does not fit supernet.channels={config.supernet.channels}: the "
                    f"operations work on C/{ratio} channels; choose a multiple of {ratio}"
                )

    def channels(self, space: CellSpace, factory: ModuleFactory, channels: int) -> Channels:
        if self.bottleneck:
            return Bottleneck(space, factory, channels, self.bottleneck)
        return PartialChannels(channels, self.partial) if self.partial > 1 else Channels(channels)

    def operated(self, channels: int) -> int:
        return channels // (self.bottleneck or self.partial)


class Channels(nn.Module):
    """Leads states into the operations, and their sum out to a node; both unchanged (DARTS).

    Attributes:
        operated: Number of channels that operations work on.
        progress: Epochs done over epochs planned.
        share: What this process has of each map, where several share each batch; None where it has all.
    """

    progress: float = 0.0
    share: MapShare | None = None

    def __init__(self, operated: int) -> None:
        super().__init__()
        self.operated = operated

    def source(self, number: int, state: CellState) -> CellState:
        """Returns the part of state ``number`` that operations read."""
        return state

    def feature(self, operation: str, stride: int, feature: Feature) -> Feature:
        """Returns what an edge hands to its node instead of ``feature``, such as that with dropout (P-DARTS).

        Asked for each edge, also where edges share a feature. Random numbers come from PyTorch's default generators,
        which are the run's while a step is taken, and the same in all processes of a run: `MapShare.drawn` draws for
        the whole batch, so that images have the same numbers whatever process they are in.
        """
        return feature

    def node(self, number: int, summed: Tensor, bypasses: Sequence[Bypass]) -> Tensor:
        """Returns the value (.., C) of state ``number`` from the sum of its operations (.., operated)."""
        return summed


@dataclass(frozen=True)
class Bypass:
    """Whatever goes around the operations of a live edge (PC-DARTS Eq. 1, second term).

    Attributes:
        source: The state that the edge comes from.
        coefficient: Of the edge, a scalar.
        stride: Of the edge.
    """

    source: CellState
    coefficient: Tensor
    stride: int


class Bottleneck(Channels):
    """1x1 conv and BN to C/ratio once per state, before all operations; back to C once per node (EnTranNAS 2.5)."""

    def __init__(self, space: CellSpace, factory: ModuleFactory, channels: int, ratio: int) -> None:
        super().__init__(channels // ratio)
        wide, narrow = (channels, 1, 1), (self.operated, 1, 1)
        sources = sorted({source for source, _ in space.edges})
        nodes = range(space.inputs, space.inputs + space.nodes)
        self.reduce = nn.ModuleDict(
            {str(n): factory.make(f"channels.reduce.{n}", wide, self.operated, _conv_bn)[0] for n in sources}
        )
        self.recover = nn.ModuleDict(
            {str(n): factory.make(f"channels.recover.{n}", narrow, channels, _conv_bn)[0] for n in nodes}
        )

    def source(self, number: int, state: CellState) -> CellState:
        return CellState(self.reduce[str(number)](state).computed())

    def node(self, number: int, summed: Tensor, bypasses: Sequence[Bypass]) -> Tensor:
        value: Tensor = self.recover[str(number)](CellState(summed)).computed()
        return value


class PartialChannels(Channels):
    """The first C/K channels go through the operations, the others around them, then all are shuffled (PC-DARTS 3.2).

    The shuffle writes channel i of group g to place i K + g. It follows the node's sum, once, because a permutation
    commutes with a sum; as a matrix it is part of it.
    """

    active: Tensor
    passive: Tensor

    def __init__(self, channels: int, ratio: int) -> None:
        super().__init__(channels // ratio)
        group, position = torch.arange(channels) // self.operated, torch.arange(channels) % self.operated
        shuffle = torch.eye(channels)[position * ratio + group]  # row c is where channel c goes
        self.register_buffer("active", shuffle[: self.operated], persistent=False)
        self.register_buffer("passive", shuffle * (group > 0)[:, None], persistent=False)

    def source(self, number: int, state: CellState) -> CellState:
        return CellState(state.map[..., : self.operated].contiguous())

    def node(self, number: int, summed: Tensor, bypasses: Sequence[Bypass]) -> Tensor:
        maps = [summed, *(self._bypassed(bypass) for bypass in bypasses)]
        matrices = [self.active, *(bypass.coefficient * self.passive for bypass in bypasses)]
        return weighted_sum(maps, matrices, self.active.new_zeros(self.active.shape[1]))

    @staticmethod
    def _bypassed(bypass: Bypass) -> Tensor:
        """The whole source, of which ``passive`` takes the bypassing channels; 2x2 max pooled for a stride of 2."""
        if bypass.stride == 1:
            return bypass.source.map
        pool = partial(on_planes, function=functional.max_pool2d, kernel_size=2, ceil_mode=True)
        halved: Tensor = bypass.source.once("halved", pool)
        return halved


def _conv_bn(block: Block, x: str) -> str:
    return block.norm(block.conv(x, "conv", 1))
