"""Operations as other packages register them, for tests of the Python target."""

from __future__ import annotations

import pytest

from genocc import Cell, Edge, Genotype
from genocc.operations import OPERATIONS, Block, Operation, Recipe
from genocc.primitives import AvgPool, BatchNorm, Conv2d, DropPath, Normalize, Slice, Softmax


def branches(b: Block, x: str, stride: int) -> str:
    """Primitives that no published operation has, branches with names of their own, values with several readers."""
    x = b.builder.add(f"{b.origin}.pad", Conv2d(b.channels, (3, 2), (stride, stride), (2, 0, 0, 1), bias=True), x)
    even = b.builder.add(f"{b.origin}.first", Slice(0, b.channels // 2), x)
    odd = b.builder.add(f"{b.origin}.second", Slice(b.channels // 2, b.channels), x)
    left = b.within("left", b.channels // 2)
    even = left.norm(left.conv(left.relu(even), "conv", 3))
    odd = b.builder.add(f"{b.origin}.plain", BatchNorm(affine=False, epsilon=1e-3, momentum=0.2), b.shift(odd))
    mixed = b.concat(odd, even)
    probabilities = b.builder.add(f"{b.origin}.softmax", Softmax(), mixed)
    means = tuple(channel / 8 for channel in range(b.channels))
    normal = b.builder.add(f"{b.origin}.normal", Normalize(means, tuple(m + 0.5 for m in means), 0.5), mixed)
    b.conv(normal, "unused", 1)
    return b.add(probabilities, normal, mixed, b.builder.add(f"{b.origin}.dropped", DropPath(), mixed))


def squeezed(b: Block, x: str, stride: int) -> str:
    """An inner number of channels that no formula of the source covers."""
    inner = b.conv(b.relu(x), "down", 1, stride, channels=3 + b.channels * 5 // 12)
    return b.norm(b.conv(inner, "up", 1))


def deeper_when_wide(b: Block, x: str, stride: int) -> str:
    """Another structure with more channels."""
    for number in range(1 + (b.channels > 8)):
        x = b.norm(b.conv(x, f"conv{number}", 3, stride if number == 0 else 1), f"bn{number}")
    return x


def long_sum(b: Block, x: str, stride: int) -> str:
    """A sum of more values than fit in a line."""
    x = b.pool(x, "pool", AvgPool(3, stride, 1))
    return b.add(*(b.conv(x, f"branch_number_{number}", 1) for number in range(9)))


def only_relu(b: Block, x: str, stride: int) -> str:
    """One layer without arguments or weights; something else at stride 2."""
    return b.relu(x if stride == 1 else b.conv(x, "conv", 1, 2))


CUSTOM = {recipe.__name__: recipe for recipe in (branches, squeezed, deeper_when_wide, long_sum, only_relu)}


def genotype_of(name: str, recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> Genotype:
    """A genotype of one registered operation, at both strides."""
    monkeypatch.setitem(OPERATIONS, name, Operation(name, recipe, "#000000", "solid"))
    edges = (Edge(op=name, source=0), Edge(op="conv_1x1", source=1)), (Edge(op=name, source=2),)
    cell = Cell(nodes=edges, concat=(2, 3))
    return Genotype(name="custom", cells={"normal": cell, "reduction": cell})
