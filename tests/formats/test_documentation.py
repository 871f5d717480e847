"""docs/formats.md says of each dialect what its code says."""

from __future__ import annotations

from genocc.formats import DIALECTS, Dialect
from tests.sample_data import ROOT

TEXT = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")


def rows(heading: str) -> dict[str, list[str]]:
    """The cells of a section's table by those of the first column."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line.replace("\\|", "\0") for line in section.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    return {first: rest for first, *rest in cells}


def described(dialect: Dialect) -> list[str]:
    limits, writes = dialect.limits, dialect.vocabulary.writes
    return [
        ", ".join(limits.kinds),
        str(limits.inputs),
        str(limits.nodes or "any"),
        str(limits.edges or "any"),
        "yes" if limits.parallel else "no",
        limits.output,
        "all" if writes is None else str(len(writes)),
    ]


def test_every_dialect_is_listed() -> None:
    assert list(rows("Dialects")) == list(DIALECTS)


def test_the_limits_are_those_of_the_code() -> None:
    assert rows("What each can express") == {name: described(dialect) for name, dialect in DIALECTS.items()}
