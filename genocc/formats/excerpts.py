"""Expressions that stand in other text: found by how they start and cut out at their closing bracket."""

from __future__ import annotations

import ast
import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

from genocc.errors import FormatError
from genocc.formats.literals import valid_escapes
from genocc.parsing import syntax_tree

_OPEN = {")": "(", "]": "[", "}": "{"}
_BRACKETS = re.compile(r"[()\[\]{}]")
_QUOTE = re.compile(r"['\"\u2018\u201c]|&#39;|&quot;")
_TYPOGRAPHY = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u00a0": " ", "\u200b": None})

_MAX_BROKEN = 100
_CLEANINGS: tuple[Callable[[str], str], ...] = (
    lambda text: text.replace("'\"'\"'", "'"),  # a shell's way to put a quotation mark between such marks
    lambda text: text.translate(_TYPOGRAPHY),  # word processors
    lambda text: re.sub(r"\\+(['\"])", r"\1", re.sub(r"\\+n", "\n", text)),  # in a shell's or a program's string
    lambda text: re.sub(r"''(?=\w)|(?<=\w)''", "'", text),  # in a YAML string
    lambda text: re.sub(r'""(?=\w)|(?<=\w)""', '"', text),  # in a CSV cell
    lambda text: _without_removed(text),
    lambda text: re.sub(r"(?m)^[ \t]*(?:(?:>[ \t]?)+|[#+|*-]|//)[ \t]?", "", text),  # comments, quotations
    lambda text: re.sub(r"(?m)^[ \t]*(?:[>#+|*-]+|//)[ \t]?", "", text),  # and with several marks
    html.unescape,
)
"""What is tried in turn until an excerpt is an expression: how the text around it may have marked it."""


@dataclass(frozen=True)
class Excerpt:
    """A part of a text.

    Attributes:
        start: Its position.
        end: The position behind it.
        line: Its first line.
        last_line: Its last line.
        value: The expression, with lines counted from 1; the text itself; or a FormatError that says what is wrong.
    """

    start: int
    end: int
    line: int
    last_line: int
    value: ast.expr | str | FormatError


def excerpts(text: str, opening: re.Pattern[str], verbatim: re.Pattern[str] | None = None) -> Iterator[Excerpt]:
    """Yields the expressions that start with a pattern, and the texts that match one, in the order of the text.

    One that cannot be parsed is yielded with its error if it has quotation marks and nothing within it can be parsed.

    Args:
        text: The whole text.
        opening: What an expression starts with, up to its opening bracket.
        verbatim: What is taken as it stands.

    Raises:
        FormatError: So much is bracketed that does not parse that the search is given up.
    """
    closing = _closing(text)
    budget, broken = 10 * len(text) + 1_000_000, 0
    after, line, counted = 0, 1, 0
    matches = [*opening.finditer(text), *(verbatim.finditer(text) if verbatim else ())]
    for match in sorted(matches, key=lambda match: match.start()):
        start = _word(text, match.start())
        if start < after:
            continue
        line, counted = line + text.count("\n", counted, start), start
        if match.re is verbatim:
            after = match.end()
            yield Excerpt(start, after, line, line + match[0].count("\n"), match[0])
            continue
        end = closing.get(match.end() - 1)
        cut = text[start : end + 1] if end is not None else text[start : start + 400]
        budget -= len(cut) + 100
        if budget < 0 or broken > _MAX_BROKEN:
            raise FormatError("too many brackets that hold no genotype; cut out the genotype")
        value = _parsed(cut, line, match[0]) if end is not None else _unclosed(line, match[0])
        if isinstance(value, FormatError):
            if _QUOTE.search(cut[:400]) and not match[0].startswith("{"):
                broken += 1
                yield Excerpt(start, start + len(cut), line, line + cut.count("\n"), value)
            continue
        after = start + len(cut)
        yield Excerpt(start, after, line, line + cut.count("\n"), value)


def _closing(text: str) -> dict[int, int]:
    """The position of each bracket that is closed -> that of its closing bracket; quotation marks do not count."""
    pairs, stack, count = {}, [], dict.fromkeys("([{", 0)
    for match in _BRACKETS.finditer(text):
        bracket = match[0]
        if bracket in count:
            stack.append((bracket, match.start()))
            count[bracket] += 1
        elif count[_OPEN[bracket]]:
            while True:  # those that were opened since then stay open
                opened, start = stack.pop()
                count[opened] -= 1
                if opened == _OPEN[bracket]:
                    break
            pairs[start] = match.start()
    return pairs


def _without_removed(text: str) -> str:
    """The new text of differences, in which a removed line begins with a minus and an added one with a plus."""
    if not re.search(r"(?m)^\+", text):
        return text
    return re.sub(r"(?m)^\+", " ", re.sub(r"(?m)^-.*$", "", text))


def _word(text: str, position: int) -> int:
    """The start of the dotted name that continues at a position."""
    match = re.search(r"[^\W\d][\w.]*$", text[max(0, position - 80) : position]) if text[position].isalnum() else None
    return position - len(match[0]) if match else position


def _parsed(cut: str, line: int, head: str) -> ast.expr | FormatError:
    problem = ""
    for text in dict.fromkeys(clean(cut) for clean in _CLEANINGS):
        try:
            return cast("ast.Expression", syntax_tree(f"({valid_escapes(text)}\n)", "eval")).body
        except SyntaxError as error:
            problem = problem or f"{error.msg.split(';')[0]}, line {line + (error.lineno or 1) - 1}"
        except (ValueError, RecursionError, MemoryError) as error:
            problem = problem or str(error).split(":")[0] or "nested too deeply"
    return FormatError(
        f"line {line}: '{head.split('(')[0].strip()}(' starts here, but up to its closing bracket it is "
        f"not Python source: {problem}; cut out the genotype alone"
    )


def _unclosed(line: int, head: str) -> FormatError:
    return FormatError(
        f"line {line}: '{head.split('(')[0].strip()}(' starts here, but its bracket is never "
        "closed; complete it, or choose another with --line"
    )
