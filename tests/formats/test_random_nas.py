"""The compact tuples of RandomNAS and BANANAS, whose numbers count ``none``."""

from __future__ import annotations

import pytest

from genocc import Genotype
from genocc.errors import FormatError
from genocc.formats import DIALECTS
from genocc.formats import read as recognize
from tests.formats.reading import DARTS_V2_NORMAL, DARTS_V2_REDUCTION, nodes, read, refusal

NORMAL = "[(0, 4), (1, 4), (0, 4), (1, 4), (1, 4), (0, 3), (0, 3), (2, 6)]"
REDUCTION = "[(0, 1), (1, 1), (2, 3), (1, 1), (0, 1), (2, 3), (2, 3), (1, 1)]"
TEXT = f"({NORMAL}, {REDUCTION})"


def test_darts_v2_by_the_numbers_of_parse_cnn_arch() -> None:
    genotype = read("random-nas", TEXT).genotype
    assert nodes(genotype.cells["normal"]) == DARTS_V2_NORMAL
    assert nodes(genotype.cells["reduction"]) == DARTS_V2_REDUCTION


def test_the_numbers_do_not_say_whose_they_are() -> None:
    with pytest.raises(FormatError, match="naslib and random-nas read different genotypes; choose one with --from"):
        recognize(TEXT)


def test_a_number_that_only_one_has_says_it() -> None:
    imported = recognize(TEXT.replace("(2, 6)", "(2, 7)"))
    assert imported.notes[0] == "read as random-nas"
    assert nodes(imported.genotype.cells["normal"])[-1] == "skip_connect<0, dil_conv_5x5<2"


def test_none_is_number_0() -> None:
    imported = read("random-nas", TEXT.replace("(2, 6)", "(2, 0)"))
    assert nodes(imported.genotype.cells["normal"])[-1] == "skip_connect<0"
    assert "'none' from 2): adds zero: left out" in imported.notes[0]


def test_written(darts_v2: Genotype) -> None:
    assert DIALECTS["random-nas"].write(darts_v2) == TEXT.replace("[", "(").replace("]", ")") + "\n"


def test_what_is_refused() -> None:
    assert "entry 8: found op 8; expected 0 to 7" in refusal("random-nas", TEXT.replace("(2, 6)", "(2, 8)"))
