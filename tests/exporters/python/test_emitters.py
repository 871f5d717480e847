"""The Python source of each primitive."""

from __future__ import annotations

import pytest

from genocc.exporters.python.emitters import JOINS, LAYERS
from genocc.exporters.python.exporter import source
from genocc.operations import OPERATIONS
from genocc.primitives import PRIMITIVES, Input
from tests.exporters.python.custom import branches, genotype_of, squeezed
from tests.exporters.python.python_files import TINY, check


def test_every_primitive_has_an_emitter() -> None:
    assert {*LAYERS, *JOINS, Input} == set(PRIMITIVES)
    assert not LAYERS.keys() & JOINS.keys()


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "none"])
def test_every_operation(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check(genotype_of(name, OPERATIONS[name].recipe or squeezed, monkeypatch), TINY)


def test_half_the_channels_is_a_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    text = source(genotype_of("branches", branches, monkeypatch), TINY)
    assert "self.left = nn.ModuleDict(\n" in text
    assert '"conv": nn.Conv2d(c // 2, c // 2, 3, padding=1, bias=False)' in text
    assert "self.second = Slice(c // 2, c)" in text
