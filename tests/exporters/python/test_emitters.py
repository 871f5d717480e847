"""Classes that the Python target makes of operations, those that other packages register among them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from genocc import Cell, Edge, Genotype
from genocc.compiler import compile_net
from genocc.errors import TargetError
from genocc.exporters.python.classes import parts
from genocc.exporters.python.emitters import JOINS, LAYERS
from genocc.exporters.python.exporter import PythonExporter, source
from genocc.graph import GraphBuilder
from genocc.operations import OPERATIONS, Block, Operation, Recipe, dilated, relu_conv_bn
from genocc.primitives import PRIMITIVES, AvgPool, BatchNorm, Conv2d, DropPath, Input, Normalize, Relu, Slice, Softmax
from tests.exporters.python.python_files import TINY, assert_tidy, check


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


def class_names(text: str) -> set[str]:
    return {node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef)}


def test_every_primitive_has_a_construct() -> None:
    assert {*LAYERS, *JOINS, Input} == set(PRIMITIVES)
    assert not LAYERS.keys() & JOINS.keys()


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "none"])
def test_every_operation(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check(genotype_of(name, OPERATIONS[name].recipe or squeezed, monkeypatch), TINY)


@pytest.mark.parametrize("name", CUSTOM)
def test_registered_operations(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = TINY.model_copy(update={"layers": 5})
    genotype = genotype_of(name, CUSTOM[name], monkeypatch)
    check(genotype, config)
    (tmp_path / "net.py").write_text(source(genotype, config))
    assert_tidy(tmp_path)


def test_channels_and_stride_become_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    text = source(genotype_of("conv_3x3_again", relu_conv_bn(3), monkeypatch), TINY)
    assert text.count("class Conv3x3Again") == 1
    assert "self.conv = nn.Conv2d(c, c, 3, stride, padding=1, bias=False)" in text
    assert "Conv3x3Again(c, stride=2)" in text
    assert "class NormalCell(" in text
    assert "NormalCell2" not in text


def test_half_the_channels_is_a_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    text = source(genotype_of("branches", branches, monkeypatch), TINY)
    assert "self.left = nn.ModuleDict(\n" in text
    assert '"conv": nn.Conv2d(c // 2, c // 2, 3, padding=1, bias=False)' in text
    assert "self.second = Slice(c // 2, c)" in text


def test_operations_that_depend_on_the_channels_divide_the_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    config = TINY.model_copy(update={"layers": 6})
    classes = class_names(source(genotype_of("deeper_when_wide", deeper_when_wide, monkeypatch), config))
    assert {"NormalCell", "NormalCell2", "ReductionCell", "ReductionCell2"} <= classes
    assert {"DeeperWhenWide", "DeeperWhenWide2"} <= classes


def test_a_layer_without_arguments_needs_no_class(monkeypatch: pytest.MonkeyPatch) -> None:
    text = source(genotype_of("only_relu", only_relu, monkeypatch), TINY)
    assert '("only_relu", nn.ReLU())' in text


@pytest.mark.parametrize(
    "name", ["node", "network", "normal_cell", "load_weights", "_3x3", "Tensor", "größe", "mb-conv"]
)
def test_names_of_operations_do_not_collide(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check(genotype_of(name, dilated(3), monkeypatch), TINY)


@pytest.mark.parametrize("part", ["torch", "nn", "self", "import_", "Tensor"])
def test_names_of_layers_do_not_collide(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def recipe(b: Block, x: str, stride: int) -> str:
        x = b.conv(x, part, 3, stride)
        return b.norm(b.add(b.relu(x), x, name=f"{part}-1 +"))

    check(genotype_of("named", recipe, monkeypatch), TINY)


@pytest.mark.parametrize("part", ["1x1", "import", "a-b", "conv.1"])
def test_names_that_cannot_be_attributes_are_refused(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    genotype = genotype_of("named", lambda b, x, s: b.conv(b.conv(x, "conv", 1, s), part, 1), monkeypatch)
    with pytest.raises(TargetError, match=rf"named\.0\.{part}' cannot be written as an attribute"):
        source(genotype, TINY)


@pytest.mark.parametrize("name", ["cells.0.relu", "cells.0.nodes.0.relu", "stem"])
def test_values_that_are_in_no_part_are_refused(name: str) -> None:
    b = GraphBuilder()
    graph = b.build(y=b.add(name, Relu(), b.add("image", Input(1, 2, 2))))
    with pytest.raises(TargetError, match=f"'{name}' is no operation on an edge"):
        parts(graph)


def test_names_that_pytorch_needs_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    net = compile_net(genotype_of("half", dilated(3), monkeypatch), TINY)
    PythonExporter().write(net, tmp_path / "net.py")
    with pytest.raises(TargetError, match="the source does not run: KeyError"):
        PythonExporter().verify(net, tmp_path / "net.py", "cpu")
