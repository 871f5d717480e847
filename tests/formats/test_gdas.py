"""The dialect of the GDAS program."""

from __future__ import annotations

import pytest

from genocc import formats
from genocc.errors import FormatError
from genocc.formats import DIALECTS
from tests import sample_data
from tests.formats.reading import nodes, read, refusal

TEXT = """
F = Genotype(
  normal=[('skip_connect', 0, 0.16), ('max_pool_3x3', 1, 1), ('sep_conv_3x3', 2, 1.5), ('skip_connect', 0, -0.1)],
  normal_concat=[2, 3],
  reduce=[('sep_conv_5x5', 0, 0.0), ('dua_sepc_3x3', 1, 0.5)],
  reduce_concat=[2],
)
"""


def test_weights_become_weights_of_edges() -> None:
    imported = read("gdas", TEXT)
    normal, reduction = imported.genotype.cells.values()
    assert nodes(normal) == ["skip_connect<0, max_pool_3x3<1", "sep_conv_3x3<2, skip_connect<0"]
    assert nodes(reduction) == ["sep_conv_5x5<0, sep_conv_3x3<1"]
    assert [edge.weight for node in normal.nodes for edge in node] == [0.16, 1.0, None, None]
    assert [edge.weight for edge in reduction.nodes[0]] == [0.0, 0.5]
    assert imported.notes == (
        "cell 'normal', node 3, edge 1 of 2 ('sep_conv_3x3' from 2): the weight 1.5 is not within 0 to 1: left out",
        "cell 'normal', node 3, edge 2 of 2 ('skip_connect' from 0): the weight -0.1 is not within 0 to 1: left out",
        "the GDAS program has BN after a pool; genocc has none",
    )


def test_weights_survive_the_round_trip() -> None:
    genotype = read("gdas", sample_data.genotypes()["GDAS_V1_weighted"]["text"]).genotype
    again = read("gdas", DIALECTS["gdas"].write(genotype)).genotype
    assert again.cells == genotype.cells
    assert genotype.cells["normal"].nodes[3][0].weight == 0.12938997149467468


def test_the_weighted_cell_is_the_one_without_weights() -> None:
    published = sample_data.genotypes()
    weighted = read("gdas", published["GDAS_V1_weighted"]["text"]).genotype
    assert weighted.hash == read("autodl", published["GDAS_V1"]["text"]).genotype.hash


def test_an_edge_without_a_weight_is_written_with_one() -> None:
    genotype = read("darts", TEXT.replace(", 0.16)", ")").replace("'dua_sepc_3x3'", "'conv_7x1_1x7'")
                    .replace(", 1)", ", 1)").replace("1, 1)", "1)").replace(", 1.5", "").replace(", -0.1", "")
                    .replace(", 0.0", "").replace(", 0.5", "")).genotype  # fmt: skip
    assert "('skip_connect', 0, 1.0), ('max_pool_3x3', 1, 1.0)" in DIALECTS["gdas"].write(genotype)


def test_a_hand_written_reduction_cell_is_refused() -> None:
    for text in (sample_data.genotypes()["GDAS_F1"]["text"], sample_data.formats()["gdas weighted"]["sample"]):
        assert refusal("gdas", text).startswith("reduce=None: its program puts a hand-written reduction cell there")


@pytest.mark.parametrize(
    ("edge", "message"),
    [
        ("('skip_connect', 0)", "entry 1: found ['skip_connect', 0]; expected (op, from, weight)"),
        ("('skip_connect', 0, None)", "found None as weight; expected a number"),
        ("('skip_connect', 0.5, 0)", "found 0.5 as from; expected a state's number"),
    ],
)
def test_what_is_refused(edge: str, message: str) -> None:
    assert message in refusal("gdas", TEXT.replace("('skip_connect', 0, 0.16)", edge))


@pytest.mark.parametrize("dialect", ["gdas", "autodl"])
def test_the_state_that_an_edge_leads_to_is_no_weight(dialect: str) -> None:
    """``(op, from, to)``, in the order of ``from``: read by their places, the edges would lead elsewhere."""
    first, second = ("('sep_conv_3x3', 0, 2), ('dil_conv_3x3', 0, 3)", "('skip_connect', 1, 2), ('skip_connect', 1, 3)")
    edges = f"{first}, {second}" if dialect == "gdas" else f"({first}), ({second})"
    text = f"Genotype(normal=[{edges}], normal_concat=[2, 3], reduce=[{edges}], reduce_concat=[2, 3])"
    with pytest.raises(FormatError, match=r"found 2 as weight, which looks like the state that the edge leads to"):
        DIALECTS[dialect].read(text)
    with pytest.raises(FormatError):
        formats.read(text)
