"""The table of dialects."""

from __future__ import annotations

import re

import pytest

from genocc.errors import FormatError
from genocc.formats import DIALECTS, dialect


def test_a_dialect_is_found_by_its_name() -> None:
    assert len(DIALECTS) == 12
    for name, found in DIALECTS.items():
        assert dialect(name) is found
        assert found.name == name
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("DARTS", "did you mean 'darts'?"),
        ("nas_bench_301", "did you mean 'nas-bench-301'?"),
        ("tensorflow", "expected one of darts, autodl, gdas, "),
    ],
)
def test_an_unknown_name_is_answered_with_the_known_ones(name: str, hint: str) -> None:
    with pytest.raises(FormatError) as caught:
        dialect(name)
    assert str(caught.value).startswith(f"unknown dialect '{name}'; {hint}")
