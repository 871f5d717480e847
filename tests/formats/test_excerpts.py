"""Expressions cut out of other text."""

from __future__ import annotations

import ast
import re
import time
import warnings
from contextlib import suppress

import pytest

from genocc.errors import FormatError
from genocc.formats.excerpts import Excerpt, excerpts

OPENING = re.compile(r"Genotype\s*\(|\{")


def found(text: str) -> list[tuple[int, str]]:
    def shown(excerpt: Excerpt) -> str:
        return ast.unparse(excerpt.value) if isinstance(excerpt.value, ast.AST) else f"!{excerpt.value}"

    return [(excerpt.line, shown(excerpt)) for excerpt in excerpts(text, OPENING)]


@pytest.mark.parametrize(
    "text",
    [
        "Genotype(normal=[('a', 0)])",
        "best: Genotype(normal=[('a', 0)]) (really) :-)",
        ":-( Genotype(normal=[('a', 0)]) [0, 1)",
        "Genotype(\nnormal=[('a',\n   0)])",
        '--arch "Genotype(normal=[(\\"a\\", 0)])"',
        "arch: 'Genotype(normal=[(''a'', 0)])'",
        '1,"Genotype(normal=[(""a"", 0)])"',
        "\u201cGenotype(normal=[(\u2018a\u2019,\u00a00)])\u201d",
        "<code>Genotype(normal=[(&#39;a&#39;, 0)])</code>",
        "# Genotype(\n#   normal=[('a', 0)])",
        "> Genotype(\n>> normal=[('a', 0)])",
        "+Genotype(\n+  normal=[('a', 0)])",
        "'Genotype(\\n normal=[(\\'a\\', 0)])'",
        "3.Genotype(normal=[('a', 0)])",
    ],
)
def test_an_expression_is_found_however_the_text_around_marks_it(text: str) -> None:
    assert [value for _, value in found(text)] == ["Genotype(normal=[('a', 0)])"]


@pytest.mark.parametrize(
    "text",
    [
        "#Genotype(\n#normal=[('a', 0),\n##('b', 1),\n# #('c', 1)\n#])",
        "+Genotype(\n-  normal=[('b', 0)],\n-  x=1\n+  normal=[('a', 0)])",
    ],
)
def test_comments_in_comments_and_removed_lines_are_no_part_of_it(text: str) -> None:
    assert [value for _, value in found(text)] == ["Genotype(normal=[('a', 0)])"]


def test_dotted_names_lines_and_several() -> None:
    text = "a\nx = gt.CNNGenotype(a='1')\n\n{'b': {'c': 2}} {a b} {'d': 3}\n"
    assert found(text) == [(2, "gt.CNNGenotype(a='1')"), (4, "{'b': {'c': 2}}"), (4, "{'d': 3}")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\nGenotype(normal=[('a', 0)", "line 2: 'Genotype(' starts here, but its bracket is never closed"),
        ("\nGenotype(a='b'\n'c' d)", "line 2: 'Genotype(' starts here, but up to its closing bracket it is not Python"),
    ],
)
def test_a_broken_one_is_yielded_with_its_error(text: str, message: str) -> None:
    ((_, value),) = found(text)
    assert value.startswith(f"!{message}")


@pytest.mark.parametrize("text", ["the Genotype (see below) is", "Genotype(", "{ a b }", "}{", "((("])
def test_prose_is_no_expression(text: str) -> None:
    assert found(text) == []


def test_text_that_is_taken_as_it_stands() -> None:
    pairs = re.compile(r"\w~\w(?:\n\+\w~\w)*")
    taken = [
        (item.start, item.line, item.last_line, item.value) for item in excerpts("\na~b\n+c~d e~f", OPENING, pairs)
    ]
    assert taken == [(1, 2, 3, "a~b\n+c~d"), (10, 3, 3, "e~f")]


@pytest.mark.parametrize("piece", ["{", "{'a", "Genotype('", "{'a' b}", "{" * 50 + "'a' b" + "}" * 50, "({[", ")]}"])
def test_the_search_takes_time_in_proportion_to_the_text(piece: str) -> None:
    def seconds(size: int) -> float:
        start = time.process_time()  # of this process: the machine may be busy
        with suppress(FormatError):
            list(excerpts(piece * (size // len(piece)), OPENING))
        return time.process_time() - start

    # 16 times, if it went back for each opening; tried again, since a garbage collection may fall into it
    assert any(seconds(100_000) < 0.5 + 10 * seconds(25_000) for _ in range(3))


def test_filters_of_warnings_are_the_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are the whole process's: two threads that read texts would put back each other's, for good."""
    text = r"epoch 1 Genotype(normal=[('\d', 0)], path='C:\data\400')"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        monkeypatch.setattr(warnings, "catch_warnings", None)
        (found,) = excerpts(text, re.compile(r"Genotype\("))
    assert isinstance(found.value, ast.Call)
