"""The dialects of AutoDL-Projects: networks and printed searches."""

from __future__ import annotations

import pytest

from genocc import Genotype
from genocc.formats import DIALECTS
from tests import sample_data
from tests.formats.reading import nodes, read, refusal

NODE = "(('skip_connect', 0), ('skip_connect', 1))"


def call(normal: str = NODE, more: str = ", connectN=None, connects=None") -> str:
    return f"X = Genotype(normal=[{normal}], normal_concat=[2], reduce=[{NODE}], reduce_concat=[2]{more})"


def test_six_fields() -> None:
    genotype = read("autodl", sample_data.formats()["autodl 6-field nested"]["sample"]).genotype
    assert genotype.name == "GDAS_V1"
    assert nodes(genotype.cells["normal"]) == [
        "skip_connect<0, skip_connect<1",
        "skip_connect<0, sep_conv_5x5<2",
        "sep_conv_3x3<3, skip_connect<0",
        "sep_conv_5x5<4, sep_conv_3x3<3",
    ]
    assert nodes(genotype.cells["reduction"])[2:] == [
        "dil_conv_5x5<2, sep_conv_3x3<1",
        "sep_conv_5x5<0, sep_conv_5x5<1",
    ]


def test_a_printed_search_has_weights_two_operations_on_an_edge_and_no_reduction() -> None:
    imported = read("autodl", sample_data.formats()["autodl search dict"]["sample"])
    cell = imported.genotype.cells["normal"]
    assert nodes(cell) == [
        "skip_connect<1, sep_conv_5x5<0",
        "skip_connect<1, avg_pool_3x3<1",
        "skip_connect<1, max_pool_3x3<1",
        "max_pool_3x3<1, skip_connect<1",
    ]
    assert [edge.weight for edge in cell.nodes[0]] == [0.1485183, 0.13894983]
    assert list(imported.genotype.cells) == ["normal"]
    assert imported.notes == ("the text has no reduction cell; nets that need one cannot be built",)


def test_a_printed_search_with_both_cells_among_other_statements() -> None:
    printed = f"{{'normal': [{NODE}], 'normal_concat': [2], 'reduce': [{NODE}], 'reduce_concat': range(2, 3)}}"
    text = f"options = {{'lr': 0.1}}\nbest = {printed}\n"
    assert read("autodl", text).genotype.hash == read("autodl", call()).genotype.hash


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        ("dua_sepc_3x3", "sep_conv_3x3"),
        ("dua_sepc_5x5", "sep_conv_5x5"),
        ("dil_sepc_3x3", "dil_conv_3x3"),
        ("dil_sepc_5x5", "dil_conv_5x5"),
        ("nor_conv_1x1", "conv_1x1"),
        ("nor_conv_3x3", "conv_3x3"),
        ("conv_3x1_1x3", "conv_1x3_3x1"),
        ("conv_7x1_1x7", "conv_1x7_7x1"),
    ],
)
def test_its_names_of_operations(name: str, operation: str) -> None:
    genotype = read("autodl", call(f"(('{name}', 0), ('skip_connect', 1))")).genotype
    assert nodes(genotype.cells["normal"]) == [f"{operation}<0, skip_connect<1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (call("(('skip_connect', 0),)"), "cell 'normal', node 2: found [['skip_connect', 0]]; expected two edges"),
        (call(f"{NODE[:-1]}, ('skip_connect', 0))"), "cell 'normal', node 2: found"),
        (call("('skip_connect', 0)"), "node 2, edge 1: found 'skip_connect'; expected (op, from)"),
        (call("(('nor_conv_7x7', 0), ('skip_connect', 1))"), "('nor_conv_7x7' from 0): the operation has no"),
        (call("(('skip_connect', 0, '1'), ('skip_connect', 1))"), "found '1' as weight; expected a number"),
        (call(more=", connectN=4"), "unknown field 'connectN'"),
        (call(more=", ladder=4"), "unknown field 'ladder'"),
        (f"{{'normal': [{NODE}]}}", "found the keys ['normal']; expected normal and normal_concat"),
        (f"{{'normal': [{NODE}], 'normal': []}}", "found normal twice"),
        (f"{{'normal': [{NODE}], 'reduce': None}}", "the field normal_concat is missing"),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, message: str) -> None:
    assert message in refusal("autodl", text)


def test_written_with_six_fields(darts_v2: Genotype) -> None:
    text = DIALECTS["autodl"].write(darts_v2)
    assert text.startswith("darts_v2 = Genotype(normal=[(('sep_conv_3x3', 0), ('sep_conv_3x3', 1)), (('sep_conv_3x3', ")
    assert text.endswith("reduce_concat=[2, 3, 4, 5], connectN=None, connects=None)\n")
