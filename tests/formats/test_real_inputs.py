"""Genotype texts as people have them, from the sample data: each is read as what it says is right."""

from __future__ import annotations

from typing import Any

import pytest

from genocc.errors import FormatError
from genocc.formats import read
from tests import sample_data
from tests.formats.reading import nodes

REFUSED = {
    "several genotypes": "several genotypes; choose one with --name: 0, 1",
    "two cells": "several genotypes; choose one with --name: #1, #2, or with --line: 1, 2",
    "names what is missing": "edge_normal_2 and edge_normal_3 are missing",
}
"""Part of what is right -> the error."""


def cases() -> list[dict[str, Any]]:
    return [case for case in sample_data._load("real_inputs.json", "cases") if case["kind"] != "encoding"]


def base() -> str:
    return read(cases()[0]["text"], "darts").genotype.hash


@pytest.mark.parametrize("named", [True, False], ids=["--from", "recognized"])
def test_each_is_read_as_what_is_right(named: bool) -> None:
    for case in cases():
        source, expect = case["dialect"] if named else None, case["expect"]
        if refusal := next((text for part, text in REFUSED.items() if part in expect), None):
            with pytest.raises(FormatError, match=refusal):
                read(case["text"], source, case.get("name"))
            continue
        if named and source == "autodl":
            with pytest.raises(FormatError, match=r"; --from darts reads it$"):
                read(case["text"], source)
            continue
        imported = read(case["text"], source, case.get("name"))
        if "same genotype" in expect:
            assert imported.genotype.hash == base(), case
        if "fields without" in expect:
            assert [note for note in imported.notes if "has no effect" in note]
        if "normal cell only" in expect:
            assert list(imported.genotype.cells) == ["normal"]
            assert any("no reduction cell" in note for note in imported.notes)
        if "one node in each cell" in expect:
            assert [nodes(cell) for cell in imported.genotype.cells.values()] == [
                ["sep_conv_3x3<0, sep_conv_3x3<1"],
                ["max_pool_3x3<0, max_pool_3x3<1"],
            ]
