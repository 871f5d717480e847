"""Layout of Python source: a bracketed expression stands in one line where it fits, otherwise with one item per line.

Broken brackets end with a comma, which makes ruff and black keep them broken whatever the length of a line: the text is
formatted for their default of 88 characters and for every longer one.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass

WIDTH = 88
INDENT = "    "


@dataclass(frozen=True)
class Bracket:
    """Items between an opening such as ``nn.Conv2d(`` and its closing."""

    opening: str
    items: tuple[Expression, ...]
    closing: str = ")"

    def __str__(self) -> str:
        return f"{self.opening}{', '.join(map(str, self.items))}{self.closing}"


Expression = str | Bracket


def call(function: str, *arguments: Expression) -> Bracket:
    """Returns a call."""
    return Bracket(f"{function}(", arguments)


def sequence(items: Iterable[Expression]) -> Bracket:
    """Returns a list."""
    return Bracket("[", tuple(items), "]")


def mapping(items: Iterable[tuple[str, Bracket]]) -> Bracket:
    """Returns a dictionary with texts as keys."""
    rows = (Bracket(f'"{key}": {value.opening}', value.items, value.closing) for key, value in items)
    return Bracket("{", tuple(rows), "}")


def statement(depth: int, before: str, expression: Expression, after: str = "") -> list[str]:
    """Returns the lines of ``before`` + expression + ``after``, indented ``depth`` times."""
    line = f"{INDENT * depth}{before}{expression}{after}"
    if isinstance(expression, str) or not expression.items or len(line) <= WIDTH:
        return [line]
    lines = [f"{INDENT * depth}{before}{expression.opening}"]
    for item in expression.items:
        broken = statement(depth + 1, "", item, ",")
        if len(expression.items) == 1 and len(broken) > 1:
            broken[-1] = broken[-1].removesuffix(",")  # a broken only item keeps the bracket around it broken
        lines += broken
    return [*lines, f"{INDENT * depth}{expression.closing}{after}"]


def paragraph(depth: int, text: str, marker: str = "") -> list[str]:
    """Returns a text in lines that fit, each indented and beginning with ``marker``."""
    start = INDENT * depth + marker
    return textwrap.wrap(
        text, WIDTH, initial_indent=start, subsequent_indent=start, break_long_words=False, break_on_hyphens=False
    )


def docstring(depth: int, summary: str, *paragraphs: list[str]) -> list[str]:
    """Returns a docstring of a summary and paragraphs of indented lines; escaping is the caller's matter."""
    if not paragraphs and len(line := f'{INDENT * depth}"""{summary}"""') <= WIDTH:
        return [line]
    lines = paragraph(depth, f'"""{summary}')
    for text in paragraphs:
        lines += ["", *text]
    return [*lines, f'{INDENT * depth}"""']
