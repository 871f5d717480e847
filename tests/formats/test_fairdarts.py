"""The dialect of FairDARTS: missing nodes, and edges that leave them.

No count notices a wrong reading of those (a dropped skip connection has no parameters and no MACs), so the edges are
written down here as the reference program computes them: its ``DCOCell.forward`` skips an edge whose source is not
among the states that it has computed, and concatenates the states that it has.
"""

from __future__ import annotations

import pytest

from genocc import Genotype
from genocc.errors import FormatError
from genocc.formats import DIALECTS
from tests import sample_data
from tests.formats.reading import nodes, read, refusal

PAIR = "('skip_connect', 2, 0), ('max_pool_3x3', 2, 1)"


FAIRDARTS_C = """FairDARTS_c = Genotype(
    normal=[('max_pool_3x3', 2, 0), ('sep_conv_5x5', 2, 1), ('dil_conv_3x3', 4, 0), ('dil_conv_5x5', 4, 2),
            ('skip_connect', 5, 3), ('sep_conv_3x3', 5, 0)], normal_concat=range(2, 6),
    reduce=[('dil_conv_3x3', 2, 1), ('dil_conv_5x5', 2, 0), ('dil_conv_3x3', 3, 0), ('sep_conv_3x3', 3, 1),
            ('sep_conv_5x5', 4, 0), ('sep_conv_5x5', 4, 3), ('sep_conv_5x5', 5, 0), ('skip_connect', 5, 1)],
    reduce_concat=range(2, 6))
"""


def call(normal: str, concat: str = "range(2, 6)") -> str:
    return f"X = Genotype(normal=[{normal}], normal_concat={concat}, reduce=[{PAIR}], reduce_concat=[2])"


def test_fairdarts_c_drops_the_edge_from_its_missing_node() -> None:
    imported = read("fairdarts", FAIRDARTS_C)
    normal, reduction = imported.genotype.cells["normal"], imported.genotype.cells["reduction"]
    assert nodes(normal) == [
        "max_pool_3x3<0, sep_conv_5x5<1",
        "dil_conv_3x3<0, dil_conv_5x5<2",  # node 4 in the text
        "sep_conv_3x3<0",  # node 5 in the text, without its skip_connect from node 3
    ]
    assert normal.concat == (2, 3, 4)
    assert nodes(reduction) == [
        "dil_conv_3x3<1, dil_conv_5x5<0",
        "dil_conv_3x3<0, sep_conv_3x3<1",
        "sep_conv_5x5<0, sep_conv_5x5<3",
        "sep_conv_5x5<0, skip_connect<1",
    ]
    assert reduction.concat == (2, 3, 4, 5)
    assert imported.notes == (
        "cell 'normal', node 5, edge 1 of 2 ('skip_connect' from 3): comes from a node without edges: left out",
        "cell 'normal': node 3 without edges: left out, also from the concat; node 4 becomes 3; node 5 becomes 4",
    )


def test_fairdarts_c_is_the_published_text() -> None:
    assert read("fairdarts", sample_data.genotypes()["FairDARTS_c"]["text"]) == read("fairdarts", FAIRDARTS_C)


def test_fairdarts_a_renumbers() -> None:
    imported = read("fairdarts", sample_data.formats()["fairdarts"]["sample"])
    normal = imported.genotype.cells["normal"]
    assert nodes(normal) == ["sep_conv_3x3<0, sep_conv_5x5<1", "max_pool_3x3<0", "sep_conv_3x3<0"]
    assert normal.concat == (2, 3, 4)
    assert imported.notes == (
        "cell 'normal': node 3 without edges: left out, also from the concat; node 4 becomes 3; node 5 becomes 4",
    )


def test_sources_behind_a_missing_node_are_renumbered() -> None:
    text = call("('sep_conv_3x3', 3, 0), ('skip_connect', 4, 3), ('max_pool_3x3', 4, 3), ('skip_connect', 4, 2)")
    imported = read("fairdarts", text)
    assert nodes(imported.genotype.cells["normal"]) == ["sep_conv_3x3<0", "skip_connect<2, max_pool_3x3<2"]
    assert imported.genotype.cells["normal"].concat == (2, 3)
    assert imported.notes == (
        "cell 'normal', node 4, edge 3 of 3 ('skip_connect' from 2): comes from a node without edges: left out",
        "cell 'normal': nodes 2, 5 without edges: left out, also from the concat; node 3 becomes 2; node 4 becomes 3",
    )


def test_a_node_with_edges_from_missing_nodes_only_is_missing_too() -> None:
    imported = read("fairdarts", call("('sep_conv_3x3', 2, 0), ('skip_connect', 4, 3), ('max_pool_3x3', 5, 4)"))
    assert nodes(imported.genotype.cells["normal"]) == ["sep_conv_3x3<0"]
    assert "cell 'normal': nodes 3, 4, 5 without edges: left out, also from the concat" in imported.notes


def test_the_output_is_every_node_in_the_order_of_the_list_whatever_the_concat_says() -> None:
    imported = read("fairdarts", call("('sep_conv_3x3', 3, 0), ('skip_connect', 2, 1)", "[2]"))
    assert nodes(imported.genotype.cells["normal"]) == ["skip_connect<1", "sep_conv_3x3<0"]
    assert imported.genotype.cells["normal"].concat == (3, 2)
    assert imported.notes == (
        "cell 'normal': the concat field lacks node 3; as in its program, every node is in the concat",
    )


def test_several_operations_on_an_edge_and_the_same_twice() -> None:
    text = call("('sep_conv_3x3', 2, 0), ('max_pool_3x3', 2, 0), ('sep_conv_3x3', 2, 0)", "[2]")
    genotype = read("fairdarts", text).genotype
    assert nodes(genotype.cells["normal"]) == ["sep_conv_3x3<0, max_pool_3x3<0, sep_conv_3x3<0"]
    again = DIALECTS["fairdarts"].write(genotype)
    assert again == text.replace("reduce_concat=[2]", "reduce_concat=[2]") + "\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (call("('skip_connect', 3, 2), ('skip_connect', 2, 0)"), "entry 1: node 3 reads node 2, which the"),
        (call("('skip_connect', 2, 2)"), "node 2, edge 1 of 1 ('skip_connect' from 2): not an earlier state"),
        (call("('skip_connect', 2, 3), ('skip_connect', 3, 0)"), "('skip_connect' from 3): not an earlier state"),
        (call("('skip_connect', 1, 0)"), "cell 'normal': found node 1; expected nodes 2 to 65"),
        (call("('skip_connect', 1000000000, 0)"), "cell 'normal': found node 1000000000; expected nodes 2 to 65"),
        (call(PAIR, "range(0, 6)"), "cell 'normal': found node 0; expected nodes 2 to 65"),
        (call("('skip_connect', 3, 2), ('skip_connect', 4, 3)"), "no node of the concat has an edge"),
        (call("('skip_connect', 0)"), "entry 1: found ['skip_connect', 0]; expected (op, to, from)"),
        (call("('noise', 2, 0)"), "node 2, edge 1 of 1 ('noise' from 0): the operation has no counterpart"),
        (call(""), "no node of the concat has an edge"),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, message: str) -> None:
    assert message in refusal("fairdarts", text)


def test_a_concat_of_some_nodes_cannot_be_expressed(darts_v2: Genotype) -> None:
    normal = darts_v2.cells["normal"].model_copy(update={"concat": (4, 5)})
    genotype = darts_v2.model_copy(update={"cells": {**darts_v2.cells, "normal": normal}})
    with pytest.raises(FormatError, match=r"cell 'normal': the concat is \[4, 5\]; expected every node$"):
        DIALECTS["fairdarts"].write(genotype)


def test_a_node_that_the_list_begins_before_one_that_it_reads_is_refused() -> None:
    """Its program computes node 3 first, where the list first names it, and leaves the edge from node 2 out."""
    cell = "[('skip_connect', 3, 0), ('skip_connect', 2, 0), ('skip_connect', 3, 2)]"
    text = f"Genotype(normal={cell}, normal_concat=[2, 3], reduce={cell}, reduce_concat=[2, 3])"
    assert "entry 3: node 3 reads node 2, which the list begins only later" in refusal("fairdarts", text)
