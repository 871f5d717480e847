"""Genotypes whose text defines the named tuple that they call, with its fields in any order."""

from __future__ import annotations

import pytest

from genocc.formats import DIALECTS

NORMAL = "[('sep_conv_3x3', 0), ('skip_connect', 1)]"
REDUCE = "[('max_pool_3x3', 0), ('max_pool_3x3', 1)]"


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
    ],
)
def test_what_a_field_without_a_name_means(definition: str, arguments: str) -> None:
    text = f"{definition}\nA = Genotype({arguments.format(n=NORMAL, r=REDUCE)})\n"
    cells = DIALECTS["darts"].read(text, "A").genotype.cells
    assert {kind: [edge.op for edge in cell.nodes[0]] for kind, cell in cells.items()} == {
        "normal": ["sep_conv_3x3", "skip_connect"],
        "reduction": ["max_pool_3x3", "max_pool_3x3"],
    }


def test_a_call_of_more_than_the_definition_has_is_read_in_the_usual_order() -> None:
    text = f"Genotype = namedtuple('Genotype', 'normal reduce')\nA = Genotype({NORMAL}, [2], {REDUCE}, [2])\n"
    assert DIALECTS["darts"].read(text, "A").genotype.cells["reduction"].nodes[0][0].op == "max_pool_3x3"
