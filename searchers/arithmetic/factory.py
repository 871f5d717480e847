"""From recipes to the modules of a super-cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from genocc.graph import GraphBuilder
from genocc.initialization import initialize
from genocc.operations import Block
from genocc.primitives import Input, Shape

from .lazy import OperationModule, SuperNetBlock


@dataclass(frozen=True)
class ModuleFactory:
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
