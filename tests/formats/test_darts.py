"""The dialect of the DARTS program, and what it shares with the other Python dialects."""

from __future__ import annotations

import pytest

from genocc import Cell, Edge, Genotype
from genocc.counting import count
from genocc.errors import FormatError
from genocc.formats import DIALECTS
from tests import sample_data
from tests.formats.reading import DARTS_V2_NORMAL, DARTS_V2_REDUCTION, PAIR, call, nodes, read, refusal


def test_the_sample_is_darts_v2() -> None:
    imported = read("darts", sample_data.formats()["darts"]["sample"])
    assert imported.notes == ()
    assert imported.genotype.name == "DARTS_V2"
    assert nodes(imported.genotype.cells["normal"]) == DARTS_V2_NORMAL
    assert nodes(imported.genotype.cells["reduction"]) == DARTS_V2_REDUCTION
    assert [cell.concat for cell in imported.genotype.cells.values()] == [(2, 3, 4, 5)] * 2


def test_a_list_per_node_with_a_comment_and_ranges() -> None:
    genotype = read("darts", sample_data.formats()["pt.darts nested"]["sample"]).genotype
    assert nodes(genotype.cells["normal"]) == [
        "sep_conv_3x3<0, dil_conv_5x5<1",
        "skip_connect<0, dil_conv_3x3<2",
        "sep_conv_3x3<1, skip_connect<0",
        "sep_conv_3x3<1, skip_connect<0",
    ]
    assert nodes(genotype.cells["reduction"])[2] == "skip_connect<3, max_pool_3x3<0"
    assert genotype.cells["reduction"].concat == (2, 3, 4, 5)


def test_a_list_per_node_may_have_any_length_and_lack_edges() -> None:
    normal = "[[('sep_conv_3x3', 0)], [], [('skip_connect', 0), ('skip_connect', 2), ('max_pool_3x3', 0)]]"
    imported = read("darts", call(normal, "range(2, 5)"))
    assert nodes(imported.genotype.cells["normal"]) == [
        "sep_conv_3x3<0",
        "skip_connect<0, skip_connect<2, max_pool_3x3<0",
    ]
    assert imported.genotype.cells["normal"].concat == (2, 3)
    assert imported.notes == ("cell 'normal': node 3 without edges: left out, also from the concat; node 4 becomes 3",)


def test_a_concat_of_some_nodes_in_its_order() -> None:
    four = "[" + ", ".join(["('skip_connect', 0), ('skip_connect', 1)"] * 4) + "]"
    genotype = read("darts", call(four, "(5, 3)", four, "range(5, 1, -2)")).genotype
    assert genotype.cells["normal"].concat == (5, 3)
    assert genotype.cells["reduction"].concat == (5, 3)


SNAS_MODERATE = """
SNAS_moderate_edge_all = Genotype(
  normal=[
    ('dil_conv_5x5', 0), ('skip_connect', 1),
    ('sep_conv_3x3', 0), ('skip_connect', 1), ('none', 2),
    ('skip_connect', 0), ('none', 3), ('none', 2), ('skip_connect', 1),
    ('sep_conv_3x3', 0), ('dil_conv_5x5', 1), ('none', 4), ('none', 3), ('none', 2)],
  normal_concat=range(2, 6),
  reduce=[
    ('max_pool_3x3', 0), ('max_pool_3x3', 1),
    ('sep_conv_5x5', 0), ('none', 2), ('dil_conv_5x5', 1),
    ('none', 3), ('none', 2), ('sep_conv_5x5', 0), ('sep_conv_5x5', 1),
    ('none', 4), ('none', 3), ('none', 2), ('sep_conv_5x5', 0), ('sep_conv_5x5', 1)],
  reduce_concat=range(2, 6))
"""


def test_a_flat_list_of_every_edge_is_the_cell_that_two_edges_per_node_spell() -> None:
    imported = read("darts", SNAS_MODERATE)
    genotype = imported.genotype
    assert nodes(genotype.cells["normal"]) == [
        "dil_conv_5x5<0, skip_connect<1",
        "sep_conv_3x3<0, skip_connect<1",
        "skip_connect<0, skip_connect<1",
        "sep_conv_3x3<0, dil_conv_5x5<1",
    ]
    assert nodes(genotype.cells["reduction"])[3] == "sep_conv_5x5<0, sep_conv_5x5<1"
    assert [cell.concat for cell in genotype.cells.values()] == [(2, 3, 4, 5)] * 2
    assert len([note for note in imported.notes if "adds zero" in note]) == 12
    wrong = SNAS_MODERATE.replace("('none', 4), ('none', 3), ('none', 2)],", "('none', 4), ('none', 3)],")
    assert refusal("darts", wrong).startswith("cell 'normal': 13 edges, but the last node of the concat is 5, the 4th")


def test_names_aliases_and_where_it_comes_from() -> None:
    text = call("[('conv_7x1_1x7', 0), ('conv_1x3_3x1', 1)]")
    genotype = DIALECTS["darts"].read(text, where="some/folder/my_cell.txt").genotype
    assert nodes(genotype.cells["normal"]) == ["conv_1x7_7x1<0, conv_1x3_3x1<1"]
    assert genotype.name == "my_cell"
    assert genotype.metadata == {"dialect": "darts"}


def test_none_is_left_out_and_said() -> None:
    imported = read("darts", call("[('none', 0), ('skip_connect', 1)]"))
    assert nodes(imported.genotype.cells["normal"]) == ["skip_connect<1"]
    assert imported.notes == ("cell 'normal', node 2, edge 1 of 2 ('none' from 0): adds zero: left out",)
    assert imported.genotype.metadata["notes"] == list(imported.notes)


def test_noise_is_named_with_its_place() -> None:
    text = sample_data.genotypes()["SDARTS_c10_s4_pcdarts"]["text"]
    assert refusal("darts", text).startswith(
        "cell 'normal', node 5, edge 2 of 2 ('noise' from 3): the operation has no counterpart in genocc: random noise"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (call("[('sep_conv_3X3', 0), ('skip_connect', 1)]"), "('sep_conv_3X3' from 0): the operation has no counter"),
        (call("[('sep_conv_3X3', 0), ('skip_connect', 1)]"), "did you mean 'sep_conv_3x3'?"),
        (call("[('skip_connect', 2), ('skip_connect', 1)]"), "from 2): not an earlier state; expected 0 to 1"),
        (call("[('skip_connect', -1), ('skip_connect', 1)]"), "('skip_connect' from -1): not an earlier state"),
        (call("[('skip_connect', 0)]"), "cell 'normal': 1 edge, but the last node of the concat is 2"),
        (call("[('skip_connect', 0, 0.5), ('a', 1)]"), "found ['skip_connect', 0, 0.5]; expected (op, from)"),
        (call("[('skip_connect', True), ('skip_connect', 1)]"), "found True as from; expected a state's number"),
        (call("[(3, 0), ('skip_connect', 1)]"), "found 3 as op; expected an operation's name"),
        (call("[('a', 0), [('skip_connect', 1)]]"), "found edges and lists of edges side by side"),
        (call("[]"), "cell 'normal': it has no nodes; expected at least one"),
        (call("'skip'"), "cell 'normal': found 'skip'; expected a list"),
        (call(normal_concat="[2, 3]"), "2 edges, but the last node of the concat is 3, the 2nd; expected 4 edges"),
        (call(f"[{PAIR}]", "[2, 3]"), "the concat names state 3, which is not in the text; expected nodes 2 to 2"),
        (call(normal_concat="[1, 2]"), "the concat names state 1, which is an input; expected nodes 2 to 2"),
        (call(normal_concat="[2, 2]"), "the concat names node 2 twice"),
        (call(normal_concat="[]"), "no node of the concat has an edge; the cell has no output"),
        (call(normal_concat="None"), "cell 'normal', concat: found None; expected a list"),
        (call(normal_concat="range(10**9)"), "line 1: found arithmetic; expected plain values and range(...) only"),
        (call(normal_concat="range(1000000000)"), "concat: a range of more than 64 numbers; a cell has fewer nodes"),
        (call(normal_concat=f"range({10**40})"), "concat: a range of more than 64 numbers; a cell has fewer nodes"),
        (call(normal="range(2, 4)"), "cell 'normal': found range(2, 4); expected a list"),
        (call(normal_concat="[range(2, 4)]"), "concat: found range(2, 4); expected the numbers of nodes"),
        (call(normal_concat="range(2, 6, 0)"), "found a call; expected a range of whole numbers"),
        (call(normal_concat="range('2')"), "expected a range of whole numbers"),
        (call(normal_concat="[__import__('os').system('true')]"), "found a call; expected plain values"),
        (call(normal_concat="[i for i in range(9)]"), "found Python's ListComp; expected plain values"),
        (call(reduce="None"), "reduce=None: its program puts a hand-written reduction cell there"),
        (call().replace("normal_concat=[2], ", ""), "the field normal_concat is missing"),
        (call().replace("reduce_concat", "reduce_output"), "unknown field 'reduce_output'"),
        (call()[:-1] + ", normal=[])", "line 1: found normal twice; expected each field once, by its name"),
        (f"X = Genotype(**cells, normal={PAIR})", "line 1: found **; expected each field once, by its name"),
        (f"X = Genotype(normal={PAIR}, **{{'normal': []}})", "line 1: found normal twice"),
        ("X = Genotype(1, 2, 3, 4, 5)", "line 1: 5 arguments without a name"),
        ("X = 5", "no genotype found; expected Genotype(normal=[('sep_conv_3x3', 0), ...]"),
        ("", "no genotype found"),
        ("X = (", "no genotype found"),
        ("X = '\0'", "no genotype found"),
        ("(" * 100_000, "not Python source: too many nested parentheses, line 1"),
        ("-" * 100_000 + "1", "no genotype found"),
        ("X = 1" + " + 1" * 100_000 + f"; {call()[:-1]}", "line 1: 'Genotype(' starts here, but its bracket is never"),
        (call()[:-9] + "\n", "line 1: 'Genotype(' starts here, but its bracket is never closed"),
        (call("[('skip_connect', 0) 'skip']"), "line 1: 'Genotype(' starts here, but up to its closing bracket"),
        (call("[" * 20 + "]" * 20), "line 1: nested too deeply; expected at most 16 levels"),
        (call("9" * 5000), "not Python source: Exceeds the limit"),
        (" " * (1 << 20) + "X", "1,048,577 characters; expected at most 1,048,576"),
        (call("[" + PAIR[1:-1] + f", {PAIR[1:-1]}" * 64 + "]", "[66]"), "found node 66; expected nodes 2 to 65"),
        (call("[[" + "('skip_connect', 0), " * 1025 + "]]"), "cell 'normal': 1,025 edges; expected at most 1,024"),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, message: str) -> None:
    assert message in refusal("darts", text)


def test_fields_may_be_positional() -> None:
    assert (
        read("darts", f"G = Genotype({PAIR}, range(2, 3), {PAIR}, [2])").genotype.hash
        == read("darts", call()).genotype.hash
    )


def test_warnings_of_the_parser_are_kept_from_the_user() -> None:
    assert "no counterpart" in refusal("darts", call(r"[('\d', 0), ('skip_connect', 1)]"))


def test_written_as_the_program_has_it(darts_v2: Genotype) -> None:
    sample = sample_data.formats()["darts"]["sample"]
    assert DIALECTS["darts"].write(darts_v2) == sample.replace("DARTS_V2", "darts_v2") + "\n"


def genotype(*normal: tuple[Edge, ...], concat: tuple[int, ...] = (2,), inputs: int = 2, name: str = "g") -> Genotype:
    cell = Cell(inputs=2, nodes=((Edge(op="skip_connect", source=0), Edge(op="skip_connect", source=1)),), concat=(2,))
    return Genotype(name=name, cells={"normal": Cell(inputs=inputs, nodes=normal, concat=concat), "reduction": cell})


SKIP = Edge(op="skip_connect", source=0)


@pytest.mark.parametrize(
    ("unwritable", "message"),
    [
        (genotype((SKIP, SKIP, SKIP)), "cell 'normal', node 2: 3 edges; expected 2"),
        (genotype((SKIP, SKIP), inputs=1, concat=(1,)), "cell 'normal': 1 input; expected 2"),
        (
            Genotype(name="g", cells={"normal": genotype((SKIP, SKIP)).cells["normal"]}),
            "its cells are normal; expected normal and reduction",
        ),
    ],
)
def test_what_it_cannot_express(unwritable: Genotype, message: str) -> None:
    with pytest.raises(FormatError, match=r"^dialect darts cannot express 'g': ") as caught:
        DIALECTS["darts"].write(unwritable)
    assert str(caught.value).endswith(message)


SNAS_AGGRESSIVE = call(
    "[('sep_conv_5x5', 0), ('skip_connect', 1), ('skip_connect', 0), ('skip_connect', 1), "
    "('dil_conv_5x5', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_5x5', 1)]",
    "[2, 3, 4, 5]",
    "[('sep_conv_5x5', 0), ('none', 0), ('none', 0), ('sep_conv_5x5', 0), "
    "('none', 1), ('none', 0), ('none', 1), ('none', 0)]",
    "[2, 3, 4, 5]",
)


def test_nodes_of_zeros_widen_the_next_cell_as_in_the_program() -> None:
    """Xie et al., Figure 4c; counted in the program's own net."""
    imported = read("darts", SNAS_AGGRESSIVE)
    assert nodes(imported.genotype.cells["reduction"])[2:] == ["none<1", "none<1"]
    counts = count(imported.genotype)
    assert (counts.total.parameters, counts.total.macs) == (2_313_622, 374_912_640)
    assert counts.compiled.macs < counts.total.macs
    written = DIALECTS["darts"].write(imported.genotype)
    assert written == f"text = {SNAS_AGGRESSIVE}\n"
    assert read("darts", written).genotype.cells == imported.genotype.cells


def test_a_node_with_one_edge_is_filled_up() -> None:
    text = DIALECTS["darts"].write(genotype((SKIP,), concat=(2,)))
    assert "normal=[('skip_connect', 0), ('none', 0)]" in text


def test_names_become_identifiers() -> None:
    edges = (SKIP, Edge(op="conv_1x7_7x1", source=1))
    for name, written in [("pc-darts 2", "pc_darts_2"), ("2nd", "_2nd"), ("class", "_class"), ("é", "_"), ("x", "x")]:
        text = DIALECTS["darts"].write(genotype(edges, name=name))
        assert text.startswith(f"{written} = Genotype(normal=[('skip_connect', 0), ('conv_7x1_1x7', 1)], ")
        assert read("darts", text).genotype.name == written
