"""Python source and JSON as data: what is a literal is read as Python would, everything else is refused."""

from __future__ import annotations

import ast
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocc.errors import FormatError
from genocc.formats.literals import assigned, json_object, literal, mapping, statements, unique

ATOMS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
LITERALS = st.recursive(
    ATOMS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8
)


def expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


@given(LITERALS)
def test_literals_are_what_python_says_they_are(value: object) -> None:
    assert literal(expression(repr(value))) == ast.literal_eval(repr(value))


def test_tuples_are_lists_and_ranges_are_ranges() -> None:
    assert literal(expression("((1, 2), [])")) == [[1, 2], []]
    assert literal(expression("range(5, 1, -2)")) == range(5, 1, -2)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("open('x')", "a call"), ("x", "a name"), ("1 + 1", "arithmetic"), ("a.b", "an attribute"),
        ("b'x'", "Constant"), ("1j", "Constant"), ("...", "Constant"), ("f'{x}'", "JoinedStr"), ("{**x}", "Dict"),
        ("{1}", "Set"),
        ("-x", "UnaryOp"), ("+1", "UnaryOp"), ("[x for x in y]", "ListComp"), ("range()", "a call"),
        ("range(1, 2, 3, 4)", "a call"), ("range(stop=1)", "a call"), ("x.range(1)", "a call"),
    ],
)  # fmt: skip
def test_everything_else_is_refused(text: str, found: str) -> None:
    with pytest.raises(FormatError) as caught:
        literal(expression(text))
    assert str(caught.value).removeprefix("line 1: found ").removeprefix("Python's ") == (
        f"{found}; expected plain values and range(...) only"
    )


def test_depth_is_limited() -> None:
    assert literal(expression("[" * 17 + "]" * 17)) is not None
    with pytest.raises(FormatError, match=r"^line 1: nested too deeply; expected at most 16 levels$"):
        literal(expression("[" * 18 + "]" * 18))


@pytest.mark.parametrize(
    ("text", "message"),
    [("{'a': 1, 'a': 2}", "the key 'a' stands twice"), ("{(1, 2): 3}", "found [1, 2] as a key; expected a text")],
)
def test_keys_are_texts_each_once(text: str, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        literal(expression(text))
    assert str(caught.value).startswith(message)


def test_pairs_become_a_dict() -> None:
    assert unique([("a", 1), (2, 3), (0.5, None)]) == {"a": 1, 2: 3, 0.5: None}


SOURCE = """
    import os
    A = 1
    B: int = 2
    C = D = 3
    E = A
    F = missing
    G = "text"
    A = 4
    with open("x"):
        H = 5
    (I, J) = 6, 7
"""


def is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


def test_values_are_found_by_the_names_at_the_top_of_the_source() -> None:
    found = assigned(SOURCE, is_number)
    assert {name: literal(value) for name, value in found.items()} == {"A": 4, "B": 2, "C": 3, "D": 3, "E": 1}


def test_values_without_a_name_are_numbered_where_there_are_several() -> None:
    assert list(assigned("A = 1\n2\n", is_number)) == ["A", ""]
    assert list(assigned("2\nA = 1\n3\n", is_number)) == ["A", "#1", "#2"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = (", "not Python source: '(' was never closed, line 1"),
        ("x = 1\nif\n", "not Python source: invalid syntax, line 2"),
        ("x = '\0'", "not Python source: source code string cannot contain null bytes"),
        ("-" * 100_000 + "1", "not a genotype: expressions nested too deeply"),
    ],
    ids=["open", "syntax", "NUL", "deep"],
)
def test_what_is_no_source_is_one_line(text: str, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        statements(text)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('{"a/b": 1}', [""]),  # JSON
        ("{'a/b': 1}", [""]),  # Python
        ("'a/b': 1, 'c': 2", [""]),  # the inside of a dict
        ("X = {'a/b': 1}\nY = {'c': 2}\nZ = {}\nW = {1: 2}", ["X"]),
        ("{'c': 2}", []),
    ],
)
def test_mappings_are_known_by_their_first_key(text: str, names: list[str]) -> None:
    assert list(mapping(text, "/")) == names


def test_json_has_each_key_once() -> None:
    with pytest.raises(FormatError, match="the key 'a/' stands twice"):
        mapping('{"a/": 1, "a/": 2}', "/")


def test_an_object_is_written_with_a_line_per_key() -> None:
    values = {"a": [1, 2], 'quoted "b"': "c"}
    text = json_object(values)
    assert json.loads(text) == values
    assert text == '{\n  "a": [1, 2],\n  "quoted \\"b\\"": "c"\n}\n'
