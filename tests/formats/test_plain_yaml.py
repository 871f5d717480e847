"""YAML as plain data: texts, lists and mappings, and nothing that a loader would have to build."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from genocc.errors import FormatError
from genocc.formats.plain_yaml import load

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=8)
VALUES = st.recursive(TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))


@given(VALUES)
def test_what_the_safe_loader_reads_is_read_the_same(value: object) -> None:
    """With strings alone the two agree: PyYAML's dumper quotes what would be something else."""
    text = yaml.safe_dump(value, allow_unicode=True)
    assert load(text) == yaml.safe_load(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: [1, 0x10, yes, null, ~, 2026-01-01]", {"a": ["1", "0x10", "yes", "null", "~", "2026-01-01"]}),
        ("- a\n- b: c\n", ["a", {"b": "c"}]),
        ("'on'", "on"),
        ("&anchor x", "x"),  # an anchor that nobody refers to changes nothing
        ("<<: {a: 1}", {"<<": {"a": "1"}}),
    ],
)
def test_scalars_are_texts(text: str, value: object) -> None:
    assert load(text) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x [1]\nb: *x\n", "line 2: found an alias; expected the value itself"),
        ("a: !!python/object/apply:os.system ['true']", "line 1: found the tag 'tag:yaml.org,2002:python/object"),
        ("!!set {a, b}", "line 1: found the tag"),
        ("a: 1\na: 2\n", "line 2: the key 'a' stands twice; expected texts as keys, each once"),
        ("? [a]\n: b\n", "line 1: a list or mapping as a key"),
        ("[" * 17 + "]" * 17, "line 1: nested too deeply; expected at most 16 levels"),
        ("a\n---\nb\n", "found 2 YAML documents; expected one"),
        ("# nothing", "found 0 YAML documents; expected one"),
        ("a: b: c", "not YAML: mapping values are not allowed"),
        ("a: [", "not YAML: "),
        ("\0", "not YAML: "),
    ],
)
def test_what_is_not_plain_is_refused(text: str, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        load(text)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_sixteen_levels_are_read() -> None:
    assert load("[" * 16 + "]" * 16) is not None
