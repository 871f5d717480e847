"""Classes that the Python target makes of operations, those that other packages register among them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from genocc.errors import TargetError
from genocc.exporters.python.exporter import source
from genocc.operations import Block, dilated, relu_conv_bn
from tests.exporters.python.custom import CUSTOM, deeper_when_wide, genotype_of, only_relu
from tests.exporters.python.python_files import TINY, assert_tidy, check


def class_names(text: str) -> set[str]:
    return {node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef)}


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
