"""What `benchmarks/search.py` times: a search's two steps, by every way to compute them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

sys.path.insert(0, str(Path(__file__).parent.parent))  # tests are no installed package

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_

from genocc.searchers.bilevel import Bilevel
from genocc.searchers.config import SearchConfig
from genocc.searchers.interface import DataShape, Group
from genocc.searchers.supernet.net import SuperNet
from tests.reference_supernets import ReferenceSuperNet


@dataclass(frozen=True)
class Size:
    """What all ways have in common."""

    batch: int = 64
    channels: int = 16
    layers: int = 8
    image: int = 32
    device: str = "cpu"

    def settings(self, *more: str) -> tuple[str, ...]:
        return (
            f"supernet.channels={self.channels}",
            f"supernet.layers={self.layers}",
            f"schedule.batch_size={self.batch}",
            *more,
        )

    def images(self, seed: int) -> tuple[Tensor, Tensor]:
        generator = torch.Generator().manual_seed(seed)
        images = torch.randn(self.batch, 3, self.image, self.image, generator=generator)
        return images.to(self.device), torch.randint(10, (self.batch,), generator=generator).to(self.device)


class Searcher(Protocol):
    """Something that takes the steps of a search."""

    def step(self, group: Group) -> None:
        """One step of ``weights`` or of ``architecture``."""

    def loss(self, group: Group) -> Tensor:
        """The forward pass of such a step: what it returns holds what was saved for backward."""


class Reference:
    """A transcription; every step computes all gradients, as autograd does unless told otherwise."""

    def __init__(self, size: Size, *, channels_last: bool = False, low: bool = False, k: int = 1) -> None:
        torch.manual_seed(0)
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.net = ReferenceSuperNet(size.channels, size.layers, k=k).to(size.device).to(memory_format=layout)
        self.low, self.device = low, size.device
        images, self.labels = size.images(0)
        self.images = images.contiguous(memory_format=layout)
        self.sgd = torch.optim.SGD(self.net.weights(), lr=0.025, momentum=0.9, weight_decay=3e-4)
        self.adam = torch.optim.Adam(self.net.architecture(), lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)

    def loss(self, group: Group) -> Tensor:
        with torch.autocast(self.device, torch.bfloat16, enabled=self.low):
            logits = self.net(self.images)
        return cross_entropy(logits.float(), self.labels)

    def step(self, group: Group) -> None:
        self.net.zero_grad(set_to_none=True)
        torch.autograd.backward(self.loss(group))
        if group == "weights":
            clip_grad_norm_(self.net.weights(), 5.0)
        (self.sgd if group == "weights" else self.adam).step()


class Resident:
    """A stream of one batch."""

    def __init__(self, size: Size, seed: int) -> None:
        self.batch, self.device = size.images(seed), torch.device(size.device)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        return self.batch


class Genocc:
    """A search's own steps, on one batch for each half."""

    def __init__(self, size: Size, method: str, *settings: str) -> None:
        self.config = SearchConfig.make(method, "cifar", size.settings(*settings))
        self.net = SuperNet(self.config, DataShape(10, 3, (size.image, size.image))).to(size.device)
        halves: Any = (Resident(size, 0), Resident(size, 1))
        self.bilevel = Bilevel(self.net, self.config, *halves)
        self.bilevel.begin_epoch(0)
        self.images, self.labels = size.images(0)

    def step(self, group: Group) -> None:
        (self.bilevel.weight_step if group == "weights" else self.bilevel.architecture_step)()

    def loss(self, group: Group) -> Tensor:
        low: AbstractContextManager[Any] = torch.autocast(
            self.images.device.type, torch.bfloat16, enabled=self.config.supernet.precision == "bfloat16"
        )
        with self.net.training_only(group), low:
            return cross_entropy(self.net(self.images).float(), self.labels)


DARTS, PC_DARTS, ENTRANNAS = "DARTS, transcribed", "PC-DARTS, transcribed", "EnTranNAS"


@dataclass(frozen=True)
class Way:
    """A row of the table of steps; ``against`` is the row that it is compared with."""

    build: Callable[[Size], Searcher]
    against: str = DARTS
    repeats: int = 1


WAYS: dict[str, Way] = {
    DARTS: Way(Reference),
    f"{DARTS}, channels_last": Way(lambda size: Reference(size, channels_last=True)),
    "DARTS": Way(lambda size: Genocc(size, "darts")),
    PC_DARTS: Way(lambda size: Reference(size, k=4), PC_DARTS),
    "PC-DARTS": Way(lambda size: Genocc(size, "pc-darts"), PC_DARTS),
    ENTRANNAS: Way(lambda size: Genocc(size, "entrannas"), repeats=3),
    f"{ENTRANNAS}, 12 operations": Way(lambda size: Genocc(size, "entrannas", "space=extended"), repeats=3),
    "EnTranNAS-DST, first step": Way(lambda size: Genocc(size, "entrannas-dst"), repeats=3),
}
LOW = "supernet.precision=bfloat16"
LOW_WAYS: dict[str, Way] = {
    f"{DARTS}, channels_last, bfloat16": Way(lambda size: Reference(size, channels_last=True, low=True)),
    "DARTS, bfloat16": Way(lambda size: Genocc(size, "darts", LOW)),
    "PC-DARTS, bfloat16": Way(lambda size: Genocc(size, "pc-darts", LOW), PC_DARTS),
    "EnTranNAS, bfloat16": Way(lambda size: Genocc(size, "entrannas", LOW), repeats=3),
}
