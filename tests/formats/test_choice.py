"""One of several genotypes."""

from __future__ import annotations

import pytest

from genocc.errors import FormatError
from genocc.formats.choice import SeveralError, chosen
from genocc.formats.sightings import Sighting

A, B, C = Sighting("A", object(), 3, 5), Sighting("#1", object(), 7, 7), Sighting("#2", object(), 7, 7)
OLD = Sighting("A", object(), 1, 2, superseded=True)
ALL = [OLD, A, B, C]


def test_by_name_and_by_line() -> None:
    assert chosen([A], None, None) is A
    assert chosen([OLD, A], None, None) is A
    assert chosen(ALL, "A", None) is A
    assert chosen(ALL, None, 4) is A
    assert chosen(ALL, "#2", 7) is C
    assert chosen(ALL, None, 1) is OLD
    assert chosen([A, Sighting("alias", A.value, 9, 9)], None, None) is A


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        (None, None, "several genotypes; choose one with --name: A, #1, #2, or with --line: 3, 7"),
        (None, 7, "several genotypes; choose one with --name: #1, #2"),
        ("B", None, "no genotype 'B'; it has A, #1, #2"),
        ("A", 7, "no genotype 'A'; did you mean 'A'?"),
        (None, 6, "no genotype on line 6; they start on 1, 3, 7"),
    ],
)
def test_none_or_several_are_listed(name: str | None, line: int | None, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        chosen(ALL, name, line)
    assert str(caught.value) == message
    assert isinstance(caught.value, SeveralError) == message.startswith("several")


def test_lists_are_short_and_lines_may_be_unknown() -> None:
    many = [Sighting(f"g{number}", object(), number, number) for number in range(1, 31)]
    with pytest.raises(FormatError, match=r"g19, g20, \.\.\. \(30 in all\)$"):
        chosen(many, None, None)
    with pytest.raises(FormatError, match="no genotype on line 1; this dialect chooses with --name"):
        chosen([Sighting("a", 1), Sighting("b", 2)], None, 1)
