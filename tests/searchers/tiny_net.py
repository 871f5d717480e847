"""A search net of a few numbers, smooth everywhere, and a search of it, for tests of steps and schedules.

x -> sum over k of softmax(alpha)_k tanh_k(x W_k) V, where tanh_k is tanh, sin or a sigmoid: twice differentiable, so
that second-order gradients can be had from automatic differentiation too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from genocc.data import Batches, MemoryImages
from genocc.searchers.bilevel import Bilevel
from genocc.searchers.config import SearchConfig
from genocc.searchers.interface import Coefficients, Masks, Route, View

FUNCTIONS = (torch.tanh, torch.sin, torch.sigmoid)


class TinyNet(nn.Module):
    """Two kinds of parameters, one "edge" of three "operations", one buffer that every training pass moves."""

    def __init__(self, features: int = 4, classes: int = 3, seed: int = 0) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)

        def drawn(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.randn(*shape, generator=generator, dtype=torch.float64) / 2)

        self.first, self.last, self.alpha = drawn(3, features, 5), drawn(5, classes), drawn(3)
        self.unused = drawn(2)
        self.register_buffer("passes", torch.zeros((), dtype=torch.float64))
        self.progress = 0.0
        self.routes: list[Route | None] = []
        self.steps: list[int] = []

    def forward(self, images: Tensor, route: Route | None = None) -> Tensor:
        self.routes.append(route)
        if self.training:
            self.passes += 1
        weights = self.alpha.softmax(0) if route is None else route.coefficients["normal"].op[0]
        if route is not None and route.derived == "ones":
            weights = torch.ones_like(weights)
        if route is not None and View.DERIVED in route.views:
            weights = weights * route.masks["normal"][0]
        features = images.flatten(1).double()
        hidden = sum(weights[k] * FUNCTIONS[k](features @ self.first[k]) for k in range(3))
        return hidden @ self.last

    def route(
        self,
        view: View | None = None,
        *,
        masks: Masks | None = None,
        coefficients: Mapping[str, Coefficients] | None = None,
        derived: Any = "ones",
    ) -> Route:
        return Route((view or View.MIXED,), coefficients or self._coefficients(), masks or self.select(), derived)

    def weight_parameters(self) -> list[nn.Parameter]:
        return [self.first, self.last, self.unused]

    def architecture_parameters(self) -> list[nn.Parameter]:
        return [self.alpha]

    @contextmanager
    def training_only(self, group: str) -> Iterator[None]:
        others = self.architecture_parameters() if group == "weights" else self.weight_parameters()
        for parameter in others:
            parameter.requires_grad_(False)
        yield
        for parameter in others:
            parameter.requires_grad_(True)

    @contextmanager
    def drawing(self, step: int) -> Iterator[None]:
        self.steps.append(step)
        yield

    def penalties(self) -> dict[str, Tensor]:
        return {}

    def frozen(self) -> dict[str, Coefficients]:
        return {kind: c.detach() for kind, c in self._coefficients().items()}

    def select(self) -> dict[str, Tensor]:
        return {"normal": torch.arange(3)[None] == self.alpha.detach().argmax()}

    def weight_state(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self.state_dict().items() if name != "alpha"}

    def load_weight_state(self, state: Mapping[str, Tensor]) -> None:
        with torch.no_grad():
            for name, value in self.state_dict(keep_vars=True).items():
                if name in state:
                    value.copy_(state[name])

    def _coefficients(self) -> dict[str, Coefficients]:
        op = self.alpha.softmax(0)[None]
        return {"normal": Coefficients(torch.ones(1, dtype=torch.float64), op, op)}


def bilevel(method: str = "darts", *overrides: str, images: int = 48, batch_size: int = 8) -> Bilevel:
    """Returns a search of a `TinyNet` on random images, with the settings of a method."""
    config = SearchConfig.make(method, "cifar", [f"schedule.batch_size={batch_size}", *overrides])
    generator = torch.Generator().manual_seed(3)
    pixels = torch.randint(0, 256, (2, images, 2, 2, 3), generator=generator).to(torch.uint8)
    labels = torch.randint(0, 3, (2, images), generator=generator)
    training, validation = (
        Batches(MemoryImages(some, classes), batch_size, seed=0, stream=name, mean=(0.5, 0.5, 0.5), std=(0.3, 0.3, 0.3))
        for some, classes, name in zip(pixels, labels, ("training", "validation"), strict=True)
    )
    return Bilevel(TinyNet(features=12), config, training, validation)


def tiny(search: Bilevel) -> TinyNet:
    """Returns the net of a `bilevel`."""
    assert isinstance(search.net, TinyNet)
    return search.net


def run_epoch(search: Bilevel, epoch: int) -> None:
    """Takes the steps of an epoch."""
    search.begin_epoch(epoch)
    for phase in search.config.schedule.phases(epoch, len(search.training), len(search.validation)):
        for _ in range(phase.steps):
            phase.step(search)


def values(search: Bilevel) -> dict[str, Tensor]:
    """Returns a copy of the net's tensors."""
    return {name: value.detach().clone() for name, value in tiny(search).state_dict().items()}


def moved(before: dict[str, Tensor], search: Bilevel) -> set[str]:
    """Returns the names of the tensors that have changed."""
    return {name for name, value in values(search).items() if not torch.equal(value, before[name])}
