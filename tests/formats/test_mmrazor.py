"""The fix_subnet files of MMRazor."""

from __future__ import annotations

import textwrap

import pytest

from genocc import Cell, Edge, Genotype
from genocc.errors import FormatError
from genocc.formats import DIALECTS
from tests import sample_data
from tests.formats.reading import nodes, read, refusal

TEXT = """
normal_n3: {chosen: [normal_n3_p2]}
normal_n3_p0: {chosen: [dil_conv_3x3]}  # not chosen
normal_n3_p2: {chosen: skip_connect}
normal_n2: {chosen: [normal_n2_p1, normal_n2_p0]}
normal_n2_p0: {chosen: [sep_conv_3x3]}
normal_n2_p1: {chosen: [max_pool_3x3]}
"""


@pytest.mark.parametrize(
    "around",
    ["# Result\n\nThe [best:\n\n```yaml\n{}```\n\nIt is: good\n", "subnet:\n  best: {{}}\n", "a: 1\nbest:{}b: [2]\n"],
)
def test_it_may_stand_in_other_text(around: str) -> None:
    text = around.format(TEXT.lstrip() if "```" in around else textwrap.indent(TEXT, "  "))
    if "{}" in text:
        text = text.replace("{}", "{" + ", ".join(line.partition("  #")[0] for line in TEXT.strip().splitlines()) + "}")
    genotype = read("mmrazor", text).genotype
    assert genotype.hash == read("mmrazor", TEXT + "normal_n9_p1: {chosen: [skip_connect]}\n").genotype.hash
    assert genotype.metadata.get("original_name") == (None if "```" in around else "best")


def test_the_sample() -> None:
    imported = read("mmrazor", sample_data.formats()["mmrazor fix_subnet yaml"]["sample"])
    assert nodes(imported.genotype.cells["normal"]) == [
        "sep_conv_3x3<0, sep_conv_3x3<1",
        "skip_connect<0, sep_conv_5x5<1",
        "sep_conv_3x3<0, skip_connect<1",
        "skip_connect<0, skip_connect<1",
    ]
    assert nodes(imported.genotype.cells["reduction"]) == [
        "max_pool_3x3<0, sep_conv_3x3<1",
        "max_pool_3x3<0, dil_conv_5x5<2",
        "max_pool_3x3<0, skip_connect<2",
        "max_pool_3x3<0, skip_connect<2",
    ]
    assert [cell.concat for cell in imported.genotype.cells.values()] == [(2, 3, 4, 5)] * 2
    assert imported.notes == ("MMRazor has BN after a pool; genocc has none",)


def test_edges_that_are_not_chosen_and_nodes_in_any_order() -> None:
    cell = read("mmrazor", TEXT).genotype.cells["normal"]
    assert nodes(cell) == ["max_pool_3x3<1, sep_conv_3x3<0", "skip_connect<2"]
    assert cell.concat == (2, 3)


def test_zero_and_a_node_without_chosen_edges() -> None:
    text = TEXT.replace("sep_conv_3x3", "zero").replace("[normal_n3_p2]", "[]")
    imported = read("mmrazor", text)
    assert nodes(imported.genotype.cells["normal"]) == ["max_pool_3x3<1"]
    assert imported.notes[:2] == (
        "cell 'normal', node 2, edge 2 of 2 ('zero' from 0): adds zero: left out",
        "cell 'normal': node 3 without edges: left out, also from the concat",
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[normal_n3_p2]", "[normal_n2_p1]", "normal_n3: found the edge 'normal_n2_p1'; expected normal_n3_p0"),
        ("[normal_n3_p2]", "[normal_n3_p1]", "normal_n3_p1: found None; expected a mapping with a list 'chosen'"),
        ("[normal_n3_p2]", "[normal_n3_p2, normal_n3_p2]", "found the edge 'normal_n3_p2'; expected normal_n3_p0 and"),
        ("chosen: skip_connect", "chosen: [skip_connect, zero]", "normal_n3_p2: 2 operations chosen; expected one"),
        ("chosen: skip_connect", "chosen: noise", "cell 'normal', node 3, edge 1 of 1 ('noise' from 2): the operation"),
        ("{chosen: skip_connect}", "skip_connect", "normal_n3_p2: found 'skip_connect'; expected a mapping"),
        (
            "{chosen: skip_connect}",
            "!!python/name:os.system x",
            "found the tag 'tag:yaml.org,2002:python/name:os.system'",
        ),
        ("{chosen: skip_connect}", "&a {chosen: *a}", "line 4: found an alias; expected the value itself"),
        ("normal_n3_p2:", "normal_n2:", "the key 'normal_n2' stands twice"),
        ("# not chosen", "\nmiddle_n2: {chosen: [a]}", "unknown key 'middle_n2'"),
        ("normal_n3_p2:", "? [a]\n:", "a list or mapping as a key; expected texts as keys"),
        ("{chosen: skip_connect}", "{chosen: skip_connect", "not YAML: "),
        ("normal_n2:", "--- a\n--- b\nnormal_n2:", "not YAML: "),
        ("normal_n3_p2:", "\0", "not YAML: "),
        ("{chosen: skip_connect}", "[" * 40 + "]" * 40, "line 4: nested too deeply; expected at most 16 levels"),
    ],
)
def test_what_is_refused(old: str, new: str, message: str) -> None:
    assert old in TEXT
    assert message in refusal("mmrazor", TEXT.replace(old, new))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no genotype found"),
        ("# nothing", "no genotype found"),
        ("a\n---\nchosen\n", "found 2 YAML documents; expected one"),
        ("- chosen", "found ['chosen']; expected normal_n2"),
        ("normal_n2_p0: {chosen: [skip_connect]}", "it names no nodes"),
        ("normal_n1: {chosen: [normal_n1_p0]}\nnormal_n1_p0: {chosen: a}", "found node 1; expected nodes 2 to 65"),
        ("normal_n9999: {chosen: []}", "found node 9999; expected nodes 2 to 65"),
    ],
)
def test_what_is_no_subnet(text: str, message: str) -> None:
    assert message in refusal("mmrazor", text)


def test_written_as_the_sample() -> None:
    sample = sample_data.formats()["mmrazor fix_subnet yaml"]["sample"]
    written = DIALECTS["mmrazor"].write(read("mmrazor", sample).genotype)
    assert read("mmrazor", written).genotype.cells == read("mmrazor", sample).genotype.cells
    assert sorted(written.splitlines()) == sorted(sample.splitlines())


def test_two_operations_on_an_edge_cannot_be_expressed() -> None:
    cell = Cell(nodes=((Edge(op="skip_connect", source=0), Edge(op="max_pool_3x3", source=0)),), concat=(2,))
    with pytest.raises(FormatError, match="cell 'normal', node 2: 2 operations from state 0; expected one"):
        DIALECTS["mmrazor"].write(Genotype(name="g", cells={"normal": cell, "reduction": cell}))
