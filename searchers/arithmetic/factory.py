"""From recipes to the modules of a super-cell, with initial parameters."""

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
    """Makes the modules of one cell; their initial parameters depend on their origin and the seed alone.

    Attributes:
        seed: Of the search.
        origin: Of the cell, the prefix of its parameters' names in `initialize`: ``cells.3``.
    """

    seed: int
    origin: str

    def make(
        self, name: str, shape: Shape, channels: int, recipe: Callable[[Block, str], str]
    ) -> tuple[OperationModule, Shape]:
        """Returns the module of a recipe, and the shape of its output.

        Args:
            name: Within the cell.
            shape: (channels, height, width) of the input.
            channels: C of the recipe.
            recipe: Adds nodes to a block and returns the name of the output.
        """
        builder, origin, (c, height, width) = GraphBuilder(), f"{self.origin}.{name}", shape
        x = builder.add("x", Input(c, height, width))
        y = recipe(SuperNetBlock(builder, origin, channels), x)
        graph = builder.build(y=y)
        return OperationModule(graph, initialize(graph, self.seed), origin), builder.shape(y)
