"""Python source and JSON as data: what is a literal is read as Python would, everything else is refused."""

from __future__ import annotations

import ast
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocc.errors import FormatError
from genocc.formats.literals import called, json_object, literal, statements, unique

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
        ("x.list([1])", "a call"), ("list(1, 2)", "a call"), ("np.zeros(3)", "a call"), ("range", "a name"),
        ("tensor([2], grad=f)", "a call"), ("os.path.int8(1)", "a call"),
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


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("list(range(2, 6))", range(2, 6)), ("tuple(range(2, 6))", range(2, 6)), ("np.arange(2, 6)", range(2, 6)),
        ("list((2, 3))", [2, 3]), ("tuple()", []), ("[*range(2, 4), 5]", [2, 3, 5]), ("(*[2, 3],)", [2, 3]),
        ("{5, 3, 2}", [2, 3, 5]), ("set([3, 2, 3])", [2, 3]), ("frozenset({3, 2})", [2, 3]),
        ("sorted([5, 2, 3])", [2, 3, 5]), ("sorted(range(3, 1, -1))", [2, 3]),
        ("np.int64(0)", 0), ("numpy.float32(0.5)", 0.5), ("int64(7)", 7), ("np.str_('a')", "a"), ("int(3)", 3),
        ("torch.tensor([2, 3])", [2, 3]), ("tensor(2, device='cuda:0')", 2), ("array([2, 3], dtype=int32)", [2, 3]),
        ("{'a': true, 'b': null, 'c': false}", {"a": True, "b": None, "c": False}),
    ],
)  # fmt: skip
def test_what_only_says_a_type_is_the_value_itself(text: str, value: object) -> None:
    found = literal(expression(text))
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{'a', 'b'}", "line 1: found a set of ['a', 'b']; expected an order, or whole numbers"),
        ("set(range(1000000000))", "line 1: found a set of range(0, 1000000000); expected an order"),
        ("[*range(1000000000)]", "line 1: found range(0, 1000000000) after a star; expected a short list or range"),
        ("[*'ab']", "line 1: found 'ab' after a star"),
    ],
)
def test_sets_have_no_order_and_stars_are_short(text: str, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        literal(expression(text))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(("text", "name"), [("f()", "f"), ("a.b.g(1)", "g"), ("f", ""), ("f()()", "")])
def test_calls_have_the_last_part_of_a_name(text: str, name: str) -> None:
    assert called(expression(text)) == name


def test_lines_are_counted_from_the_start_of_the_text() -> None:
    assert [node.lineno for node in statements("\n\n    A = 1\n    B = 2\n")] == [3, 4]


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


def test_an_object_is_written_with_a_line_per_key() -> None:
    values = {"a": [1, 2], 'quoted "b"': "c"}
    text = json_object(values)
    assert json.loads(text) == values
    assert text == '{\n  "a": [1, 2],\n  "quoted \\"b\\"": "c"\n}\n'
