"""Arguments of passes: read back as written, within their limits only."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocc.passes import PASSES
from genocc.passes.arguments import Argument, Value, argument, arguments, takes, written


@given(st.integers() | st.floats(allow_nan=False) | st.booleans())
def test_values_are_read_as_written(value: Value) -> None:
    read = Argument("x", type(value)()).read(written(value))
    assert read == value
    assert type(read) is type(value)


@given(st.floats(), st.floats(-9, 9), st.floats(-9, 9))
def test_limits_include_themselves_and_exclude_nan(value: float, least: float, most: float) -> None:
    assert Argument("x", 0.0, least, most).allows(value) == (least <= value <= most)
    assert Argument("x", 0.0, least).allows(least)
    assert Argument("x", 0.0, most=most).allows(most)


@pytest.mark.parametrize(("default", "text"), [(1, "1.5"), (1, "true"), (1.0, "x"), (True, "1"), (True, ""), (1, "")])
def test_texts_of_another_type_are_refused(default: Value, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Argument("x", default).read(text)


def test_fields_of_a_dataclass_are_arguments_in_order() -> None:
    @dataclass(frozen=True)
    class Step:
        second: float = argument(2.5)
        first: int = argument(1, least=1, most=7)

    assert arguments(Step()) == (Argument("second", 2.5), Argument("first", 1, 1, 7))
    assert takes(Step()) == "second=2.5 (a number), first=1 (an integer from 1 to 7)"
    assert takes(PASSES["fold-batch-norm"]) == "no arguments"
