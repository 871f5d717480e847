"""The compact tuples of NASLib."""

from __future__ import annotations

import pytest

from genocc import Genotype
from genocc.formats import DIALECTS
from tests import sample_data
from tests.formats.reading import DARTS_V2_NORMAL, DARTS_V2_REDUCTION, nodes, read, refusal

NORMAL = "((0, 3), (1, 3), (0, 3), (1, 3), (1, 3), (0, 2), (0, 2), (2, 5))"
REDUCTION = "((0, 0), (1, 0), (2, 2), (1, 0), (0, 0), (2, 2), (2, 2), (1, 0))"


def test_the_sample_is_darts_v2() -> None:
    for text in (sample_data.formats()["naslib compact"]["sample"], f"x = [{NORMAL}, {REDUCTION}]"):
        genotype = read("naslib", text).genotype
        assert nodes(genotype.cells["normal"]) == DARTS_V2_NORMAL
        assert nodes(genotype.cells["reduction"]) == DARTS_V2_REDUCTION


def test_the_seven_operations_by_number() -> None:
    text = "(((0, 0), (1, 1), (0, 2), (1, 3), (0, 4), (1, 5), (0, 6), (1, 0)), " + REDUCTION + ")"
    assert nodes(read("naslib", text).genotype.cells["normal"]) == [
        "max_pool_3x3<0, avg_pool_3x3<1",
        "skip_connect<0, sep_conv_3x3<1",
        "sep_conv_5x5<0, dil_conv_3x3<1",
        "dil_conv_5x5<0, max_pool_3x3<1",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"({NORMAL},)", "found 1 cells; expected the normal and the reduction cell"),
        (f"({NORMAL}, {REDUCTION[:-9]}))", "cell 'reduction': found 7 entries; expected eight (from, op)"),
        (f"({NORMAL}, {REDUCTION.replace('(2, 2)', '(2, 7)')})", "entry 3: found op 7; expected 0 to 6"),
        (f"({NORMAL}, {REDUCTION.replace('(2, 2)', '(2, -1)')})", "entry 3: found op -1; expected 0 to 6"),
        (f"({NORMAL}, {REDUCTION.replace('(2, 2)', '(3, 2)')})", "node 3, edge 1 of 2 ('skip_connect' from 3): not an"),
        (
            f"({NORMAL}, {REDUCTION.replace('(2, 2)', '(2, True)')})",
            "found [2, True]; expected (from, op), two numbers",
        ),
        (f"({NORMAL}, {REDUCTION.replace('(2, 2)', '(1, 2)')})", "node 3: two operations from state 1; NASLib's graph"),
        (f"({NORMAL}, {REDUCTION.replace('(2, 2)', '2')})", "entry 3: found 2; expected (from, op)"),
        (f"({NORMAL}, 3)", "cell 'reduction': found 3; expected a list"),
        ("(1, 2)", "no genotype found"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    assert message in refusal("naslib", text)


def test_written(darts_v2: Genotype) -> None:
    assert DIALECTS["naslib"].write(darts_v2) == sample_data.formats()["naslib compact"]["sample"] + "\n"
