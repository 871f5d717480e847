"""Names of operations in dialects: what is understood on reading, and what is written."""

from __future__ import annotations

import pytest

from genocc.errors import FormatError
from genocc.formats import DIALECTS
from genocc.formats.vocabulary import Vocabulary, same_names
from genocc.operations import OPERATIONS

OWN = Vocabulary(
    writes={**same_names(["skip_connect"]), "conv_1x1": "pointwise"},
    aliases={"pw": "conv_1x1", "zero": "none"},
    differing={"conv_3x3": "a convolution without BN"},
)


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        ("skip_connect", "skip_connect"), ("pointwise", "conv_1x1"), ("pw", "conv_1x1"), ("conv_1x1", "conv_1x1"),
        ("zero", "none"), ("none", "none"), ("sep_conv_3x3", "sep_conv_3x3"), ("conv_7x1_1x7", "conv_1x7_7x1"),
    ],
)  # fmt: skip
def test_own_names_come_beside_those_of_genocc(name: str, operation: str) -> None:
    assert OWN.operation(name) == operation


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("conv_3x3", "the operation has no counterpart in genocc: a convolution without BN"),
        ("pointwis", "the operation has no counterpart in genocc; did you mean 'pointwise'?"),
        ("nones", "the operation has no counterpart in genocc; `genocc ops` lists those that have one"),
        ("x" * 10_000, "the operation has no counterpart in genocc; `genocc ops` lists those that have one"),
    ],
    ids=["another meaning", "a slip", "none is never meant", "nonsense"],
)
def test_what_has_no_counterpart(name: str, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        OWN.operation(name)
    assert str(caught.value) == message


def test_only_own_names_are_written() -> None:
    assert OWN.spelling("conv_1x1") == "pointwise"
    with pytest.raises(FormatError, match=r"^it has no operation 'sep_conv_3x3'; it has skip_connect, conv_1x1$"):
        OWN.spelling("sep_conv_3x3")


def test_without_own_names_an_alias_is_written_if_there_is_one() -> None:
    for name, operation in OPERATIONS.items():
        assert Vocabulary().spelling(name) in {name, *operation.aliases}
    assert Vocabulary().spelling("conv_1x7_7x1") == "conv_7x1_1x7"


@pytest.mark.parametrize("name", DIALECTS)
def test_every_name_that_is_written_is_read_as_the_same_operation(name: str) -> None:
    vocabulary = DIALECTS[name].vocabulary
    for operation in vocabulary.writes or OPERATIONS:
        assert vocabulary.operation(vocabulary.spelling(operation)) == operation
    for text, operation in vocabulary.aliases.items():
        assert vocabulary.operation(text) == operation
        assert operation in OPERATIONS
    for text in vocabulary.differing:
        with pytest.raises(FormatError, match="has no counterpart in genocc: "):
            vocabulary.operation(text)
