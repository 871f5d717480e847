"""Genotypes whose text defines the named tuple that they call, with its fields in any order."""

from __future__ import annotations

import html
import json

import pytest

from genocc.errors import FormatError
from genocc.formats import DIALECTS

NORMAL = "[('sep_conv_3x3', 0), ('skip_connect', 1)]"
REDUCE = "[('max_pool_3x3', 0), ('max_pool_3x3', 1)]"
ODD = "{r}, [2], {n}, [2]"
USUAL = {"normal": ["sep_conv_3x3", "skip_connect"], "reduction": ["max_pool_3x3", "max_pool_3x3"]}


def operations(text: str) -> dict[str, list[str]]:
    cells = DIALECTS["darts"].read(text).genotype.cells
    return {kind: [edge.op for edge in cell.nodes[0]] for kind, cell in cells.items()}


@pytest.mark.parametrize(
    ("definition", "arguments"),
    [
        ("Genotype = namedtuple('Genotype', 'normal normal_concat reduce reduce_concat')", "{n}, [2], {r}, [2]"),
        ("Genotype = namedtuple('Genotype', 'reduce reduce_concat normal normal_concat')", "{r}, [2], {n}, [2]"),
        ("Genotype = collections.namedtuple('G', 'reduce, normal, reduce_concat,normal_concat')", "{r}, {n}, [2], [2]"),
        ("Genotype = namedtuple('G', ['normal', 'reduce', 'normal_concat', 'reduce_concat'])", "{n}, {r}, [2], [2]"),
        (
            "Genotype = NamedTuple('G', [('reduce', list), ('reduce_concat', list), ('normal', list), "
            "('normal_concat', list)])",
            "{r}, [2], {n}, [2]",
        ),
        (
            "class Genotype(typing.NamedTuple):\n    reduce: list\n    normal: list\n    normal_concat: list = [2]\n"
            "    reduce_concat: list = [2]",
            "{r}, {n}, reduce_concat=[2], normal_concat=[2]",
        ),
        ("Other = namedtuple('Other', 'reduce normal')", "{n}, [2], {r}, [2]"),
        ("from a import Genotype\nclass Other: pass", "{n}, [2], {r}, [2]"),
        ("X = namedtuple('X', FIELDS)\nGenotype = namedtuple('G', 'reduce reduce_concat normal normal_concat')", ODD),
        ("Genotype = namedtuple('G', field_names='reduce reduce_concat normal normal_concat')", ODD),
        (
            "Genotype = namedtuple(typename='G', field_names=['reduce', 'reduce_concat', 'normal', 'normal_concat'])",
            ODD,
        ),
        ("Genotype = namedtuple('G', 'normal reduce normal_concat reduce_concat', defaults=([2], [2]))", "{n}, {r}"),
        ("F = ('reduce', 'reduce_concat')\nGenotype = namedtuple('G', F + ('normal', 'normal_concat'))", ODD),
        ("Genotype = G = namedtuple('G', 'reduce reduce_concat normal normal_concat'.split())", ODD),
        ("Genotype: type = nt.namedtuple('G', 'reduce reduce_concat normal normal_concat')", ODD),
        ("G = namedtuple('G', 'reduce reduce_concat normal normal_concat')\nGenotype = G", ODD),
        (
            "from collections import namedtuple as n\nGenotype = n('G', 'reduce reduce_concat normal normal_concat')",
            ODD,
        ),
        ("Genotype = NamedTuple('G', reduce=list, reduce_concat=list, normal=list, normal_concat=list)", ODD),
        ("class Genotype(namedtuple('G', 'reduce reduce_concat normal normal_concat')):\n    pass", ODD),
        (
            "@dataclass(frozen=True)\nclass Genotype:\n    reduce: list\n    normal: list\n"
            "    normal_concat: list = [2]\n    reduce_concat: list = [2]",
            "{r}, {n}",
        ),
        ("class Genotype:\n    def __init__(self, reduce, reduce_concat, normal, normal_concat):\n        pass", ODD),
        ("def Genotype(reduce, reduce_concat, normal, normal_concat=(2,)):\n    return {{}}", "{r}, [2], {n}"),
        (
            "try:\n    import a\nexcept ImportError:\n    Genotype = namedtuple('G', 'reduce reduce_concat normal "
            "normal_concat')",
            ODD,
        ),
        ("print 'Python 2'\nGenotype = namedtuple('G', 'reduce reduce_concat normal normal_concat')", ODD),
    ],
)
def test_what_a_field_without_a_name_means(definition: str, arguments: str) -> None:
    assert operations(f"{definition}\nA = Genotype({arguments.format(n=NORMAL, r=REDUCE)})\n") == USUAL


SOURCE = (
    "Genotype = namedtuple('Genotype', 'reduce reduce_concat normal normal_concat')",
    f"A = Genotype({ODD.format(n=NORMAL, r=REDUCE)})",
)


@pytest.mark.parametrize(
    "text",
    [
        "# A title\n\n```python\n{}\n{}\n```\n",
        'x = """\n{}\n{}\n"""\n',
        ">>> {}\n>>> {}\n",
        "2024-01-01 10:00:00 {}\n2024-01-01 10:00:00 {}\n",
    ],
)
def test_a_definition_that_stands_in_a_text(text: str) -> None:
    assert operations(text.format(*SOURCE)) == USUAL
    assert operations(html.escape(text.format(*SOURCE), quote=True)) == USUAL


def test_a_definition_in_another_cell_of_a_notebook() -> None:
    cells = [{"cell_type": "code", "source": [f"{line}\n"]} for line in SOURCE]
    assert operations(json.dumps({"cells": cells})) == USUAL


def test_a_list_has_the_order_of_the_definition() -> None:
    values = ODD.format(n=NORMAL, r=REDUCE)
    assert operations(f"{SOURCE[0]}\nA = Genotype._make([{values}])\n") == USUAL
    assert operations(f"{SOURCE[0]}\nA = ({values})\n") == USUAL


def test_the_definition_before_the_call_counts() -> None:
    usual = SOURCE[0].replace("reduce reduce_concat normal normal_concat", "normal normal_concat reduce reduce_concat")
    assert operations("\n".join((*SOURCE, usual))) == USUAL
    assert operations("\n".join((usual, *SOURCE))) == USUAL


@pytest.mark.parametrize(
    "definition",
    [
        "Genotype = namedtuple('Genotype', fields())",
        "Genotype = namedtuple('Genotype', A)\nA = B\nB = A",
        "class Genotype(Base):\n    pass",
        "def Genotype(*values):\n    pass",
    ],
)
def test_values_without_a_name_are_refused_where_the_definition_cannot_be_read(definition: str) -> None:
    with pytest.raises(FormatError, match=r"Genotype\(...\) has values without a name, .* on line 1, .*name each"):
        operations(f"{definition}\nA = Genotype({NORMAL}, [2], {REDUCE}, [2])\n")
    named = f"normal={NORMAL}, normal_concat=[2], reduce={REDUCE}, reduce_concat=[2]"
    assert operations(f"{definition}\nA = Genotype({named})\n") == USUAL


def test_a_call_of_more_than_the_definition_has_is_read_in_the_usual_order() -> None:
    text = f"Genotype = namedtuple('Genotype', 'normal reduce')\nA = Genotype({NORMAL}, [2], {REDUCE}, [2])\n"
    assert DIALECTS["darts"].read(text, "A").genotype.cells["reduction"].nodes[0][0].op == "max_pool_3x3"
