"""The strings of NAS-Bench-201."""

from __future__ import annotations

import pytest

from genocc import Cell, Edge, Genotype
from genocc.errors import FormatError
from genocc.formats import DIALECTS
from tests import sample_data
from tests.formats.reading import call, nodes, read, refusal


def test_the_sample_has_one_input_and_its_last_node_as_output() -> None:
    imported = read("nas-bench-201", sample_data.formats()["nas-bench-201 string"]["sample"])
    assert imported.notes == ()
    assert list(imported.genotype.cells) == ["normal"]
    cell = imported.genotype.cells["normal"]
    assert cell.inputs == 1
    assert cell.concat == (3,)
    assert nodes(cell) == ["conv_3x3<0", "conv_3x3<0, conv_3x3<1", "skip_connect<0, skip_connect<1, skip_connect<2"]


def test_none_means_no_edge() -> None:
    imported = read("nas-bench-201", "|avg_pool_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|none~1|none~2|\n")
    assert nodes(imported.genotype.cells["normal"]) == ["avg_pool_3x3<0", "conv_1x1<1", "skip_connect<0"]
    assert imported.notes == ()


def test_a_node_of_only_none_is_zero_of_which_convolutions_make_something() -> None:
    imported = read("nas-bench-201", "|none~0|+|skip_connect~0|nor_conv_3x3~1|+|none~0|avg_pool_3x3~1|nor_conv_1x1~2|")
    cell = imported.genotype.cells["normal"]
    assert nodes(cell) == ["none<0", "skip_connect<0, conv_3x3<1", "avg_pool_3x3<1, conv_1x1<2"]
    assert cell.concat == (3,)
    assert imported.notes == ("cell 'normal', node 1: nothing but none: a node of zeros, as in its program",)
    assert DIALECTS["nas-bench-201"].write(imported.genotype).startswith("|none~0|+|skip_connect~0|nor_conv_3x3~1|+|")


def test_an_output_of_zeros_is_one() -> None:
    text = "|none~0|+|skip_connect~0|none~1|+|none~0|none~1|none~2|"
    imported = read("nas-bench-201", text)
    assert nodes(imported.genotype.cells["normal"]) == ["none<0", "skip_connect<0", "none<0"]
    assert DIALECTS["nas-bench-201"].write(imported.genotype) == f"{text}\n"


@pytest.mark.parametrize("written", ["zero node", "zero output"])
def test_a_list_says_the_same_as_the_string(written: str) -> None:
    first = "nor_conv_3x3" if written == "zero output" else "none"
    last = "none" if written == "zero output" else "nor_conv_1x1"
    text = f"|{first}~0|+|nor_conv_3x3~0|{last}~1|+|none~0|{last}~1|{last}~2|"
    listed = f"[(('{first}', 0),), (('nor_conv_3x3', 0), ('{last}', 1)), (('none', 0), ('{last}', 1), ('{last}', 2))]"
    one, other = read("nas-bench-201", text), read("nas-bench-201", listed)
    assert one.genotype.hash == other.genotype.hash
    assert one.notes == other.notes


STRUCTURE = "|nor_conv_3x3~0|+|nor_conv_3x3~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|none~2|"


@pytest.mark.parametrize(
    "text",
    [
        f"Structure(4 nodes with {STRUCTURE})",
        f"[2020-01-01 10:00:00] last-geno is Structure(4 nodes with {STRUCTURE})",
        "<<<--->>> The 000-050-th epoch : |none~0|\n"
        f"<<<--->>> The 001-050-th epoch : Structure(4 nodes with {STRUCTURE})",
        STRUCTURE.replace("+", "+\n"),
        "arch:\n  " + STRUCTURE.replace("+", "\n  +"),
        f"| arch | accuracy |\n|---|---|\n| {STRUCTURE} | 94 |\n",
        f"index,arch\n3,{STRUCTURE},94.2\n",
        f'{{"arch": "{STRUCTURE}", "accuracy": null}}',
        "x = [(('nor_conv_3x3', 0),), (('nor_conv_3x3', 0), ('skip_connect', 1)), "
        "(('avg_pool_3x3', 0), ('nor_conv_1x1', 1), ('none', 2))]",
        "best CellStructure([[('nor_conv_3x3', 0)], [('nor_conv_3x3', 0), ('skip_connect', 1)], "
        "[('avg_pool_3x3', 0), ('nor_conv_1x1', 1)]]) of all",
        '[[["nor_conv_3x3", 0]], [["nor_conv_3x3", 0], ["skip_connect", 1]], '
        '[["avg_pool_3x3", 0], ["nor_conv_1x1", 1]]]',
    ],
)
def test_whatever_the_program_prints(text: str) -> None:
    assert nodes(read("nas-bench-201", text).genotype.cells["normal"]) == [
        "conv_3x3<0",
        "conv_3x3<0, skip_connect<1",
        "avg_pool_3x3<0, conv_1x1<1",
    ]


def test_one_that_is_broken_in_other_text_is_refused_as_a_whole() -> None:
    assert (
        refusal("nas-bench-201", "the best |nor_conv_3x3~0|+|bad|+|x~1| is") == "node 2: found 'bad'; expected op~from"
    )
    assert "no genotype found" in refusal("nas-bench-201", call("[[('skip_connect', 0)], [('skip_connect', 1)]]"))


def test_several_operations_on_an_edge_quoted_and_by_name() -> None:
    text = "a = '|nor_conv_3x3~0|skip_connect~0|'\nb = '|dua_sepc_3x3~0|'\nc = 'something'\n"
    assert nodes(read("nas-bench-201", text, "a").genotype.cells["normal"]) == ["conv_3x3<0, skip_connect<0"]
    assert nodes(read("nas-bench-201", text, "b").genotype.cells["normal"]) == ["sep_conv_3x3<0"]
    assert refusal("nas-bench-201", text) == "several genotypes; choose one with --name: a, b"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("|nor_conv_3x3~1|", "node 1, edge 1 of 1 ('nor_conv_3x3' from 1): not an earlier state; expected 0 to 0"),
        ("|nor_conv_7x7~0|", "('nor_conv_7x7' from 0): the operation has no counterpart"),
        ("|nor_conv_3x3~0", "node 1: found '|nor_conv_3x3~0'; expected |op~from|...|"),
        ("|nor_conv_3x3~0|+nor_conv_3x3~0|", "node 2: found 'nor_conv_3x3~0|'; expected |op~from|...|"),
        ("|nor_conv_3x3|", "node 1: found 'nor_conv_3x3'; expected op~from"),
        ("|nor_conv_3x3~0~1|", "found 'nor_conv_3x3~0~1'; expected op~from"),
        ("|nor_conv_3x3~-1|", "found 'nor_conv_3x3~-1'; expected op~from"),
        ("|nor_conv_3x3~\u0661|", "expected op~from"),
        ("||", "node 1: found ''; expected op~from"),
        ("+".join(["|nor_conv_3x3~0|"] * 65), "65 nodes; expected at most 64"),
        ("nor_conv_3x3~0", "no genotype found; expected |nor_conv_3x3~0|+"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    assert message in refusal("nas-bench-201", text)


def one(*nodes: tuple[Edge, ...], concat: tuple[int, ...]) -> Genotype:
    return Genotype(name="g", cells={"normal": Cell(inputs=1, nodes=nodes, concat=concat)})


def test_written_with_every_pair_of_states() -> None:
    edges = (Edge(op="conv_3x3", source=1), Edge(op="avg_pool_3x3", source=0), Edge(op="conv_1x1", source=1))
    genotype = one((Edge(op="skip_connect", source=0),), (Edge(op="conv_3x3", source=0),), edges, concat=(3,))
    text = "|skip_connect~0|+|nor_conv_3x3~0|none~1|+|avg_pool_3x3~0|nor_conv_3x3~1|nor_conv_1x1~1|none~2|\n"
    assert DIALECTS["nas-bench-201"].write(genotype) == text
    sample = sample_data.formats()["nas-bench-201 string"]["sample"]
    assert DIALECTS["nas-bench-201"].write(read("nas-bench-201", sample).genotype) == sample + "\n"


def test_what_it_cannot_express(darts_v2: Genotype) -> None:
    skip = (Edge(op="skip_connect", source=0),)
    for genotype, message in [
        (darts_v2, "its cells are normal, reduction; expected normal"),
        (one(skip, skip, concat=(1,)), r"cell 'normal': the concat is \[1\]; expected the last node, 2, alone"),
        (one(skip, skip, concat=(1, 2)), r"the concat is \[1, 2\]; expected the last node, 2, alone"),
        (one((Edge(op="max_pool_3x3", source=0),), concat=(1,)), "node 1, edge 1: it has no operation 'max_pool_3x3'"),
        (Genotype(name="g", cells={"normal": darts_v2.cells["normal"]}), "cell 'normal': 2 inputs; expected 1"),
    ]:
        with pytest.raises(FormatError, match=message):
            DIALECTS["nas-bench-201"].write(genotype)


STRING = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|"
TUPLES = "[tuple([('nor_conv_3x3', 0)]), tuple([('skip_connect', 0), ('nor_conv_1x1', 1)])]"


@pytest.mark.parametrize("structure", [f"'{STRING}'", TUPLES, f"list({TUPLES})", f"arch_str='{STRING}'"])
@pytest.mark.parametrize("line", ["x = NB201Genotype({})", "INFO epoch 3 NB201Genotype({})", "INFO epoch 3 {}"])
def test_a_call_of_one_argument_and_tuples_that_are_called_so(line: str, structure: str) -> None:
    text = line.format(structure)
    assert nodes(read("nas-bench-201", text).genotype.cells["normal"]) == ["conv_3x3<0", "skip_connect<0, conv_1x1<1"]


@pytest.mark.parametrize("form", ["G = Genotype({})", "G = dict({})"])
def test_a_line_of_a_log_with_two_cells_is_none_of_its_texts(form: str) -> None:
    cell = "[[('skip_connect', 0)], [('skip_connect', 0), ('avg_pool_3x3', 1)]]"
    fields = f"normal={cell}, normal_concat=[2, 3], reduce={cell}, reduce_concat=[2, 3]"
    text = f"INFO epoch 3 {form.format(fields)}"
    assert "no genotype found" in refusal("nas-bench-201", text)
    assert nodes(read("darts", text).genotype.cells["normal"]) == ["skip_connect<0", "skip_connect<0, avg_pool_3x3<1"]
