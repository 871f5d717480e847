"""The architecture dicts of NNI."""

from __future__ import annotations

import ast
import json
import textwrap
from typing import Any

import pytest

from genocc import Cell, Genotype
from genocc.errors import FormatError
from genocc.formats import DIALECTS
from tests import sample_data
from tests.formats.reading import DARTS_V2_NORMAL, DARTS_V2_REDUCTION, nodes, read, refusal


def sample() -> dict[str, Any]:
    text = textwrap.dedent(sample_data.formats()["nni 3 architecture dict"]["sample"])
    values: dict[str, Any] = ast.literal_eval(text.removeprefix("arch = "))
    return values


def test_version_3_has_lists() -> None:
    genotype = read("nni", sample_data.formats()["nni 3 architecture dict"]["sample"]).genotype
    assert genotype.name == "arch"
    assert nodes(genotype.cells["normal"]) == DARTS_V2_NORMAL
    assert nodes(genotype.cells["reduction"]) == DARTS_V2_REDUCTION
    assert [cell.concat for cell in genotype.cells.values()] == [(2, 3, 4, 5)] * 2


def test_version_2_has_numbers_and_the_tutorial_prints_the_inside_of_a_dict() -> None:
    fragment = sample_data.formats()["nni 2 architecture dict"]["sample"]
    assert refusal("nni", fragment).startswith("normal/input_5_0 is missing; expected an op and an input")
    whole = fragment + "'normal/input_5_0': 0, 'normal/op_5_1': 'skip_connect', 'normal/input_5_1': 1"
    imported = read("nni", whole)
    assert nodes(imported.genotype.cells["normal"]) == [
        "sep_conv_3x3<1, sep_conv_3x3<0",
        "sep_conv_3x3<1, sep_conv_3x3<2",
        "sep_conv_3x3<1, sep_conv_3x3<0",
        "sep_conv_3x3<0, skip_connect<1",
    ]
    assert imported.notes == ("the text has no reduction cell; nets that need one cannot be built",)


def test_json() -> None:
    bare = {key: value[0] if isinstance(value, list) else value for key, value in sample().items()}
    assert nodes(read("nni", json.dumps(bare)).genotype.cells["normal"]) == DARTS_V2_NORMAL


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"normal/input_4_1": [0, 1]}, "normal/input_4_1: found [0, 1]; expected a state's number, or a list of one"),
        ({"normal/input_4_1": "0"}, "normal/input_4_1: found '0'; expected a state's number"),
        ({"normal/input_4_1": True}, "normal/input_4_1: found True; expected a state's number"),
        ({"normal/input_4_1": 4}, "cell 'normal', node 4, edge 2 of 2 ('skip_connect' from 4): not an earlier state"),
        ({"reduce/op_2_0": None}, "reduce/op_2_0: found None; expected an operation's name"),
        ({"normal/op_6_0": "skip_connect"}, "normal/op_6_0: a fifth node; expected the four of NNI's DARTS space"),
        ({"normal/op_2_2": "skip_connect"}, "unknown key 'normal/op_2_2'"),
        ({"stem": 36}, "unknown key 'stem'"),
    ],
)
def test_what_is_refused(change: dict[str, Any], message: str) -> None:
    assert message in refusal("nni", repr(sample() | change))


def test_what_belongs_to_the_network_is_named() -> None:
    imported = read("nni", json.dumps(sample() | {"width": 36, "depth": 20}))
    assert nodes(imported.genotype.cells["normal"]) == DARTS_V2_NORMAL
    assert imported.notes == ("width 36 and depth 20: of the network, not of its cells: left out",)


def test_written_as_in_version_3(darts_v2: Genotype) -> None:
    assert json.loads(DIALECTS["nni"].write(darts_v2)) == sample()


def test_other_numbers_of_nodes_cannot_be_expressed(darts_v2: Genotype) -> None:
    three = Cell(nodes=darts_v2.cells["normal"].nodes[:3], concat=(2, 3, 4))
    with pytest.raises(FormatError, match="cell 'normal': 3 nodes; expected 4"):
        DIALECTS["nni"].write(darts_v2.model_copy(update={"cells": {**darts_v2.cells, "normal": three}}))
