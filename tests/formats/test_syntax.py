"""Values in Python source and their names."""

from __future__ import annotations

import ast
import re

import pytest

from genocc.formats.syntax import values


def found(text: str) -> list[str]:
    """Calls of G and strings with a G, each as its path and its source."""
    body = ast.parse(text).body
    wanted = values(body, lambda node: isinstance(node, ast.Call) and ast.unparse(node.func) == "G", re.compile("G"))
    return [
        f"{'.'.join((*item.scope, item.name))}={item.node if isinstance(item.node, str) else ast.unparse(item.node)}"
        for item in wanted
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("G(1)", ["=G(1)"]),
        ("A = G(1); B: int = G(2); C = D = G(3); x.E = G(4)", ["A=G(1)", "B=G(2)", "C=G(3)", "D=G(3)", "E=G(4)"]),
        ("A = G(1)\nB = A\nC = other", ["A=G(1)", "B=G(1)"]),
        ("A, B = G(1), G(2)", ["A=G(1)", "B=G(2)"]),
        ("arch: G(1)\nlayers: 20", ["arch=G(1)"]),
        ("D['a'] = G(1); D[i] = G(2)", ["D.a=G(1)", "D.=G(2)"]),
        ("D = {'a': G(1), 2: [G(2), G(3)]}", ["D.a=G(1)", "D.2.0=G(2)", "D.2.1=G(3)"]),
        ("D = dict(a=G(1)); E = OrderedDict([('b', G(2))])", ["D.a=G(1)", "E.b=G(2)"]),
        ("A = [G(1)]; G(2); [G(3), G(4)]", ["A=G(1)", "=G(2)", "0=G(3)", "1=G(4)"]),
        ("def f(a=G(1)):\n  B = G(2)\n  if a:\n    return G(3)", ["f.=G(1)", "f.B=G(2)", "f=G(3)"]),
        ("class A:\n  b = G(1)\n  class C:\n    d = G(2)", ["A.b=G(1)", "A.C.d=G(2)"]),
        ("A = parse('G', G(1))\nadd('--g', default='a' 'G')", ["=G", "=G(1)", "default=aG"]),
        ("['A = G\\n', 'more']", ["=A = G\nmore"]),
        ("['G', 'G']", ["0=G", "1=G"]),
        ("- G(1)", ["=G(1)"]),
        ("try:\n  A = G(1)\nexcept E: pass\nfor i in x:\n  with y: B = G(2)", ["A=G(1)", "B=G(2)"]),
        ("A = G(G(1))", ["A=G(G(1))"]),
        ("f'{x}G'; b'G'; 1", ["=G"]),
        ("(A := G(1))\nB = copy(G(2), 3)", ["A=G(1)", "B=G(2)"]),
        ("A = G(1) if x else G(2)\nB = G(3) or x", ["=G(1)", "=G(2)", "B=G(3)"]),
    ],
)
def test_values_have_the_names_of_what_is_around_them(text: str, expected: list[str]) -> None:
    assert found(text) == expected


def test_deep_source_is_searched_to_the_bottom() -> None:
    assert found("A = " + "[" * 60 + "G(1)" + "]" * 60) == ["A=G(1)"]


@pytest.mark.parametrize(
    "between",
    [
        "def f():\n  A = G(2)",
        "class C:\n  A = G(2)",
        "x.A = G(2)",
        "D = {'A': G(2)}",
        "f(A=G(2))",
        "f({'A': G(2)})",
    ],
)
def test_a_variable_has_the_value_that_it_was_given_where_it_is_seen(between: str) -> None:
    assert found(f"A = G(1)\n{between}\nB = A")[-1] == "B=G(1)"


def test_a_function_sees_its_own_variable() -> None:
    assert found("A = G(1)\ndef f():\n  A = G(2)\n  return A")[-1] == "f=G(2)"


@pytest.mark.parametrize(
    "change",
    [
        "A = load()",
        "A = A.with_other(1)",
        "A, b = load()",
        "A.part = 1",
        "A.part[0] = 1",
        "A += 1",
        "del A",
        "A: int = 3",
        "A.part.append(1)",
        "A.part['b'].pop()",
        "setattr(A, 'part', 1)",
        "part = A.part; part[0] = 1",
        "part = A['b'].c; part.reverse()",
        "(A := load())",
        "[A, b] = load()",
        "import b as A",
        "from b import A",
        "with b as A: pass",
        "for A in b: pass",
        "class A: pass",
        "def A(): pass",
        "try: b()\nexcept E as A: pass",
        "match b:\n  case [1, A]: pass",
        "def b():\n  global A\n  A = 1",
        "def b():\n  A.part = 1",
    ],
)
def test_a_variable_that_is_changed_says_where_and_has_no_further_names(change: str) -> None:
    body = ast.parse(f"A = G(1)\n{change}\nB = A").body
    (item,) = values(body, lambda node: ast.unparse(node) == "G(1)", re.compile("G"))
    assert (item.name, item.line) == ("A", 1)
    assert item.changed in (2, body[1].end_lineno)


def test_what_is_changed_has_changed_by_all_its_names() -> None:
    body = ast.parse("A = G(1)\nB = C = A\nC = G(2)\nB.part[0] = 1\nE = C").body
    items = values(body, lambda node: ast.unparse(node).startswith("G("), re.compile("G"))
    assert [(item.name, item.changed) for item in items] == [("A", 4), ("B", 4), ("C", 4), ("C", 0), ("E", 0)]


@pytest.mark.parametrize(
    "made", ["flip(G(1))", "G(1).other(2)", "b or G(1)", "G(1) + b", "(lambda: G(1))()", "not G(1)"]
)
def test_what_an_expression_makes_of_a_value_says_so(made: str) -> None:
    (item,) = values(ast.parse(f"A = {made}").body, lambda node: ast.unparse(node) == "G(1)", re.compile("G"))
    assert item.made


@pytest.mark.parametrize("same", ["G(1)", "(G(1))", "[G(1)]", "copy.deepcopy(G(1))", "eval('G(1)')", "str(G(1))"])
def test_what_leaves_a_value_as_it_is_makes_nothing_of_it(same: str) -> None:
    (item,) = values(ast.parse(f"A = {same}").body, lambda node: ast.unparse(node) == "G(1)", re.compile("G"))
    assert not item.made


def test_what_is_made_of_a_variable_has_not_its_value() -> None:
    assert found("A = G(1)\nB = A.with_other(normal=2)\nC = other(A)") == ["A=G(1)"]
