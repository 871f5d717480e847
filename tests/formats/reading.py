"""How the tests of dialects read, and how they write down the cells that they expect."""

from __future__ import annotations

import pytest

from genocc import Cell
from genocc.errors import FormatError
from genocc.formats import DIALECTS, Imported


def read(dialect: str, text: str, name: str | None = None) -> Imported:
    return DIALECTS[dialect].read(text, name)


def refusal(dialect: str, text: str, name: str | None = None) -> str:
    """The message with which a text is refused, without the place in front."""
    with pytest.raises(FormatError) as caught:
        read(dialect, text, name)
    place = f"text: dialect {dialect}: "
    assert str(caught.value).startswith(place)
    return str(caught.value).removeprefix(place)


def nodes(cell: Cell) -> list[str]:
    """A cell's nodes, each as ``op<source, op<source``."""
    return [", ".join(f"{edge.op}<{edge.source}" for edge in edges) for edges in cell.nodes]


PAIR = "[('skip_connect', 0), ('skip_connect', 1)]"


def call(normal: str = PAIR, normal_concat: str = "[2]", reduce: str = PAIR, reduce_concat: str = "[2]") -> str:
    """A text of the DARTS dialect, from its four fields."""
    return f"Genotype(normal={normal}, normal_concat={normal_concat}, reduce={reduce}, reduce_concat={reduce_concat})"


DARTS_V2_NORMAL = [
    "sep_conv_3x3<0, sep_conv_3x3<1",
    "sep_conv_3x3<0, sep_conv_3x3<1",
    "sep_conv_3x3<1, skip_connect<0",
    "skip_connect<0, dil_conv_3x3<2",
]
DARTS_V2_REDUCTION = [
    "max_pool_3x3<0, max_pool_3x3<1",
    "skip_connect<2, max_pool_3x3<1",
    "max_pool_3x3<0, skip_connect<2",
    "skip_connect<2, max_pool_3x3<1",
]
"""DARTS_V2 as Liu et al. print it, written out by hand."""
