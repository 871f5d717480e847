"""Layout of Python source: whatever is laid out still says the same, and fits where it can."""

from __future__ import annotations

import ast

from hypothesis import given, settings
from hypothesis import strategies as st

from genocc.exporters.python.layout import (
    WIDTH,
    Bracket,
    Expression,
    call,
    docstring,
    mapping,
    paragraph,
    sequence,
    statement,
)

NAMES = st.text("abcxyz", min_size=1, max_size=25).map(lambda text: f"n_{text}")
EXPRESSIONS: st.SearchStrategy[Expression] = st.recursive(
    NAMES,
    lambda inner: st.builds(lambda name, items: call(name, *items), NAMES, st.lists(inner, max_size=4)),
    max_leaves=20,
)


@settings(max_examples=60)
@given(EXPRESSIONS, st.integers(0, 3))
def test_breaking_lines_changes_nothing(expression: Expression, depth: int) -> None:
    lines = statement(depth, "x = ", expression)
    parsed = ast.parse("\n".join(line[4 * depth :] for line in lines))
    assert ast.dump(parsed) == ast.dump(ast.parse(f"x = {expression}"))
    assert all(len(line) <= WIDTH or not line.endswith(("),", ")")) or "()" in line for line in lines)


def test_what_fits_stays_in_one_line_and_what_does_not_ends_with_a_comma() -> None:
    assert statement(1, "x = ", call("f", "a", "b"), ":") == ["    x = f(a, b):"]
    long = [f"argument_number_{number}" for number in range(6)]
    assert statement(0, "x = ", call("f", *long)) == ["x = f(", *(f"    {item}," for item in long), ")"]
    assert statement(0, "", call("f")) == ["f()"]


def test_a_broken_only_item_has_no_comma() -> None:
    long = sequence(f"argument_number_{number}" for number in range(6))
    assert statement(0, "", call("f", long))[-2:] == ["    ]", ")"]


def test_a_dictionary_has_texts_as_keys() -> None:
    assert str(mapping([("a", call("f", "1")), ("b.c", Bracket("[", (), "]"))])) == '{"a": f(1), "b.c": []}'


@settings(max_examples=60)
@given(st.lists(NAMES, min_size=1, max_size=40), st.integers(0, 3))
def test_paragraphs_fit_and_keep_every_word(words: list[str], depth: int) -> None:
    lines = paragraph(depth, " ".join(words), "# ")
    assert max(map(len, lines)) <= WIDTH
    assert " ".join(line.strip().removeprefix("# ") for line in lines).split() == words
    assert all(line.startswith("    " * depth + "# ") for line in lines)


def test_docstrings_are_in_one_line_where_they_fit() -> None:
    assert docstring(1, "Short.") == ['    """Short."""']
    assert docstring(0, "Short.", ["More."]) == ['"""Short.', "", "More.", '"""']
    assert docstring(0, "word " * 20)[-1] == '"""'
