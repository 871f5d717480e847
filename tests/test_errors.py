"""Ends of messages, and the classes of errors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError

from genocc import errors
from genocc.errors import GenoccError, did_you_mean, expectation


def test_the_closest_name_is_offered() -> None:
    assert did_you_mean("sep_conv3x3", ["sep_conv_3x3", "skip_connect"]) == "did you mean 'sep_conv_3x3'?"
    assert did_you_mean("chanels", ["channels", "layers"], prefix="network.") == "did you mean 'network.channels'?"


def test_all_names_are_listed_where_none_is_close_unless_told_otherwise() -> None:
    assert did_you_mean("x", iter(["one", "two"])) == "expected one of one, two"
    assert did_you_mean("x", ["one", "two"], otherwise="`genocc ops` lists them") == "`genocc ops` lists them"
    assert did_you_mean("ones", ["one", "two"], otherwise="`genocc ops` lists them") == "did you mean 'one'?"
    assert did_you_mean("x", [], otherwise="it has none") == "it has none"


@given(st.text(max_size=30), st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=5))
def test_what_is_offered_is_known(name: str, known: list[str]) -> None:
    assert did_you_mean(name, known) in [f"did you mean '{k}'?" for k in known] + [
        f"expected one of {', '.join(known)}"
    ]


def test_endless_names_are_compared_by_their_start() -> None:
    assert did_you_mean("a" * 10**7, ["a" * 90]) == f"did you mean '{'a' * 90}'?"


class Model(BaseModel):
    count: int = Field(default=1, ge=0, strict=True)
    name: str = Field(default="", max_length=3)


@pytest.mark.parametrize(
    ("values", "end"),
    [
        ({"count": -1}, "expected a number greater than or equal to 0"),
        ({"count": "x"}, "expected a valid integer"),
        ({"name": "long"}, "string should have at most 3 characters"),
    ],
)
def test_what_pydantic_says_ends_our_messages(values: dict[str, object], end: str) -> None:
    with pytest.raises(ValidationError) as error:
        Model.model_validate(values)
    assert expectation(error.value.errors()[0]["msg"]) == end


def test_every_error_is_one_that_the_command_line_prints() -> None:
    classes = [found for found in vars(errors).values() if isinstance(found, type) and issubclass(found, Exception)]
    assert len(classes) > 10
    assert all(issubclass(found, GenoccError) for found in classes)
