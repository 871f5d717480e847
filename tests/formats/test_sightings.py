"""Genotypes somewhere in a text."""

from __future__ import annotations

import ast
import re

import pytest

from genocc.errors import FormatError
from genocc.formats.literals import called
from genocc.formats.sightings import Sighting, Sought, mappings, sightings

SOUGHT = Sought(
    lambda node: called(node) == "G" or (isinstance(node, ast.Dict) and ast.unparse(node).startswith("{'key")),
    telling=re.compile(r"G\(|key"),
    opening=re.compile(r"\bG\(|\{"),
    verbatim=re.compile(r"<key\w*>"),
)


def found(text: str) -> list[str]:
    """What is in a text as ``name:line``, with a ``-`` for one that a later one supersedes."""
    return [f"{'-' * item.superseded}{item.name}:{item.line}" for item in sightings(text, SOUGHT)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("G('a')", [":1"]),
        ("\n\n  A = G('a')\n  B = G('b')", ["A:3", "B:4"]),
        ("G('a')\nG('b')", ["#1:1", "#2:2"]),
        ("A = G('a')\nG('b')", ["A:1", "#1:2"]),
        ("def f():\n  A = G('a')\ndef g():\n  A = G('b')", ["f.A:2", "g.A:4"]),
        ("A = G('a')\nA = G('b')\nB = A", ["-A:1", "A:2", "B:2"]),
        ('{"0": "G(\'a\')", "1": "G(\'b\')"}', ["0:1", "1:1"]),
        ('{"epoch": 0, "g": "G(\'a\')"}\n{"epoch": 1, "g": "G(\'b\')"}', ["-g:1", "g:2"]),
        ('[{"g": "G(\'a\')"}, {"g": "G(\'b\')"}]', ["0.g:1", "1.g:1"]),
        ("A = '''\n  G('a')\n  G('b') and more'''", ["#1:2", "#2:3"]),
        ('"""Was A = G(\'a\')."""\nA = G(\'b\')', ["string.A:1", "A:2"]),
        ('A = G(\'b\')\n"""Was A = G(\'a\')."""', ["A:1", "string.A:2"]),
        ("def search():\n  return G(normal=cell)\nBEST = G('a')", ["BEST:3"]),
        ("G(normal=cell)", [":1"]),
        ("# Title\n\nThe best one:\n\n    A = G('a')\n\nand *B* = G('b').", ["A:5", "B:7"]),
        ("arch:\n  one: G('a')\n  two: G('b')", ["one:2", "two:3"]),
        ("a:\n  1: G('a')\nb:\n  1: G('b')", ["#1:2", "#2:4"]),
        ("first G('a'), then G('b')", ["#1:1", "#2:1"]),
        ("03/04 10:00:00 PM genotype = G('a')\n03/04 11:00:00 AM genotype = G('b')", ["-genotype:1", "genotype:2"]),
        ("Epoch 1 G('a')\nEpoch 2 G('b')\n[INFO] G('c')", ["-#1:1", "-#2:2", ":3"]),
        ("\x1b[32mEpoch 1 \x1b[1mG('a\x1b[0m')", [":1"]),
        ("epoch,cell\n1,\"G('a')\"\n2,\"G('b')\"", ["#1:2", "#2:3"]),
        ("Epoch 1 G('a')\nbut G('b')", ["#1:1", "#2:2"]),
        ("not Python: {'key': {'x': 1}} <key1>", ["#1:1", "#2:1"]),
        ("config is {'inner': {'key': 1}}", ["inner:1"]),
        ("no {'other': 1}", []),
        ("", []),
    ],
)
def test_names_lines_and_what_is_superseded(text: str, expected: list[str]) -> None:
    assert found(text) == expected


def test_what_was_decided_is_noted() -> None:
    log = "".join(f"epoch {n} G('{n}')\n" for n in range(5))
    *rest, last = sightings(log, SOUGHT)
    assert last.note == "the log has 5 genotypes; this is the last, on line 5; --line takes another"
    assert {item.note for item in rest} == {""}
    assert [item.note for item in sightings("A = G('a')\nA = G('b')", SOUGHT)][1] == (
        "A is assigned 2 times; this is the last, on line 2"
    )


def test_a_broken_one_is_told_where_it_is_chosen() -> None:
    first, second = sightings("one G('a'); two G('b'", SOUGHT)
    assert ast.unparse(first.parsed()) == "G('a')"
    with pytest.raises(FormatError, match="its bracket is never closed"):
        second.parsed()
    assert Sighting("", "value").parsed() == "value"


def test_lines_of_the_whole_text_are_kept_in_strings_and_excerpts() -> None:
    for text in ("\nA = '''\n\nG(\n'a')'''", "#\nnot Python\n\n G(\n'a')"):
        (item,) = sightings(text, SOUGHT)
        assert (item.line, item.last_line, item.value.lineno) == (4, 5, 4)


def test_what_tells_of_one_but_has_none_says_why() -> None:
    with pytest.raises(FormatError, match=r"not Python source: '\{' was never closed, line 1"):
        sightings("{'key': ", SOUGHT)


@pytest.mark.parametrize("text", ["'key': 1, 'b': 2", '  "key": 1', "{'key': 1}", "x = {'key': 1}"])
def test_a_mapping_may_lack_its_braces(text: str) -> None:
    (item,) = mappings(text, SOUGHT)
    assert isinstance(item.value, ast.Dict)


def test_strings_in_strings_have_an_end() -> None:
    text = "G('a')"
    for _ in range(8):
        text = repr(text)
    assert len(sightings(text, SOUGHT)) <= 1


def test_a_name_that_is_changed_later_says_so() -> None:
    (item,) = sightings("A = G('a')\nA = A.with_other(1)", SOUGHT)
    assert item.note == "A is assigned on line 1 and changed on line 2; the former is read"


def test_a_name_of_what_is_made_of_a_genotype_says_so() -> None:
    (item,) = sightings("A = turned(G('a'))", SOUGHT)
    assert item.note == "A is what an expression makes of the genotype on line 1; that one is read"


@pytest.mark.parametrize(
    "change", ["A.part[0] = 1", "A = other(A)", ">>> A.part.append(1)", "    A += 1", "A['x'] = 2", "A = `other`"]
)
def test_a_change_on_a_page_says_so(change: str) -> None:
    (item,) = sightings(f"A page:\n\nA = G('a')\nB == 2\n{change}\n", SOUGHT)
    assert item.note == "A is assigned on line 3 and changed on line 5; the former is read"


@pytest.mark.parametrize("line", ["print(A)", "A == 1", "A.show()", "use A", "AB = 1", "B = A", "A.part"])
def test_what_changes_nothing_on_a_page_has_no_note(line: str) -> None:
    (item,) = sightings(f"A page:\n\nA = G('a')\n{line}\n", SOUGHT)
    assert not item.note


def test_a_use_on_a_page_says_so() -> None:
    (item,) = sightings("A page:\n\nA = G('a')._replace(b=1)\n", SOUGHT)
    assert item.note == "A is what an expression makes of the genotype on line 3; that one is read"


def test_a_change_within_a_string_says_so() -> None:
    (item,) = sightings("TEXT = \"A = G('a')\\nA.part[0] = 1\"", SOUGHT)
    assert "changed on line" in item.note


@pytest.mark.parametrize(
    "change", ["globals()['A'] = G('b')", "def f():\n    vars()['A'] = other", "del globals()['A']"]
)
def test_a_change_by_the_name_of_a_variable_says_so(change: str) -> None:
    found = [item for item in sightings(f"A = G('a')\n{change}", SOUGHT) if item.name == "A"]
    assert "changed on line" in found[0].note
