"""Variables of Python source, and what changes them."""

import ast

import pytest

from genocc.formats.variables import Changed, Variables, changes, named_parts


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("a = b = 1", {("a", False), ("b", False)}),
        ("a, *b = c", {("a", False), ("b", False)}),
        ("a[0].b = 1", {("a", True)}),
        ("del a.b, c", {("a", True), ("c", False)}),
        ("a.b[1] += 2", {("a", True)}),
        ("import a.b, c as d", {("a", False), ("d", False)}),
        ("a.b.append(1)", {("a", True)}),
        ("a.b(c)", set()),
        ("print(a)", set()),
    ],
)
def test_changes_of_a_statement(statement: str, expected: set[tuple[str, bool]]) -> None:
    assert {change for node in ast.walk(ast.parse(statement)) for change in changes(node)} == expected


def test_parts_by_a_name_of_their_own() -> None:
    assert list(named_parts(ast.parse("a = b = c[0].d").body[0])) == [("a", "c"), ("b", "c")]
    assert not list(named_parts(ast.parse("a = c").body[0]))


def test_a_change_reaches_every_name_and_part_of_a_value() -> None:
    told: list[tuple[int, int]] = []
    variables = Variables(lambda number, line: told.append((number, line)))
    variables.set((), "a", 0)
    variables.set((), "b", 1)
    variables.same(1, 0)
    variables.set_part(("f",), "c", "b")
    variables.change(Changed(("f",), "c", True, 7, 2))
    assert told == [(0, 7), (1, 7)]
    assert variables.seen((), "a") is variables.seen((), "b") is None


def test_a_function_changes_only_what_it_declares_global() -> None:
    told: list[tuple[int, int]] = []
    variables = Variables(lambda number, line: told.append((number, line)))
    variables.set((), "a", 0)
    variables.change(Changed(("f",), "a", False, 2, 1))
    assert not told
    variables.declare_global(("f",), ["a"])
    variables.change(Changed(("f",), "a", False, 3, 1))
    assert told == [(0, 3)]
