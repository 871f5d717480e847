"""The files of NNI 1 and 2's DARTS example."""

from __future__ import annotations

import json
from typing import Any

import pytest

from genocc.errors import FormatError
from genocc.formats import read as recognized
from genocc.formats.nni_mutables import NAMES, cells
from tests.formats.reading import nodes, read

NODES = {2: {0: "sepconv5x5", 1: "sepconv3x3"}, 3: {0: "skipconnect", 2: "dilconv3x3"}, 4: {1: "maxpool", 3: "avgpool"}}


def written(style: str, cell: str = "normal") -> dict[str, Any]:
    """An architecture as the program writes it: with names, numbers or truth values."""
    names, values = list(NAMES), {}
    for node, edges in NODES.items():
        for source in range(node):
            op: Any = edges.get(source, [])
            if op and style == "numbers":
                op = names.index(op)
            elif style == "truth":
                op = [name == op for name in names]
            values[f"{cell}_n{node}_p{source}"] = op
        switch: Any = [f"{cell}_n{node}_p{source}" for source in edges]
        if style == "truth":
            switch = [source in edges for source in range(node)]
        values[f"{cell}_n{node}_switch"] = switch
    return values


EXPECTED = ["sep_conv_5x5<0, sep_conv_3x3<1", "skip_connect<0, dil_conv_3x3<2", "max_pool_3x3<1, avg_pool_3x3<3"]


@pytest.mark.parametrize("style", ["names", "numbers", "truth"])
def test_names_numbers_and_truth_values_say_the_same(style: str) -> None:
    values = written(style) | written(style, "reduce")
    for text in (json.dumps(values), json.dumps({"best_selected_space": values}), f"Best:\n\n{values!r}\n"):
        for imported in (read("nni", text), recognized(text)):
            assert [nodes(cell) for cell in imported.genotype.cells.values()] == [EXPECTED] * 2
            assert imported.genotype.cells["normal"].concat == (2, 3, 4)
            assert imported.notes[-1] == "NNI's example has BN after a pool; genocc has none"


def test_operations_that_no_switch_has_do_not_count() -> None:
    values = written("names") | {"normal_n4_p0": "maxpool", "normal_n4_switch": [0]}
    assert [edge.op for edge in cells(values)["normal"].nodes[4]] == ["max_pool_3x3"]
    values["normal_n4_switch"] = "normal_n4_p1"
    assert [edge.source for edge in cells(values)["normal"].nodes[4]] == [1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"normal_n4_switch": None}, "normal_n4_switch is missing; expected the edges that the node uses"),
        ({"normal_n3_switch": None, "normal_n3_p0": None}, "normal_n3_switch is missing"),
        ({"normal_n4_switch": []}, "normal_n4_switch: found []; expected one or more edges, each once"),
        ({"normal_n4_switch": [1, 1]}, "normal_n4_switch: found [1, 1]; expected one or more edges, each once"),
        ({"normal_n4_switch": ["normal_n3_p0"]}, "found 'normal_n3_p0'; expected normal_n4_p0 to normal_n4_p3, or 0"),
        ({"normal_n4_switch": [4]}, "normal_n4_switch: found 4; expected normal_n4_p0 to normal_n4_p3, or 0 to 3"),
        ({"normal_n4_switch": [True]}, "normal_n4_switch: found 1 truth values; expected 4, one per candidate"),
        ({"normal_n4_p1": []}, "normal_n4_p1: found []; expected the operation, as normal_n4_switch has the edge"),
        ({"normal_n4_p1": None}, "normal_n4_p1: found None; expected the operation"),
        ({"normal_n4_p1": 7}, "normal_n4_p1: found 7; expected an operation's name, or 0 to 6"),
        ({"normal_n1_p0": 1}, "unknown key 'normal_n1_p0'; expected <cell>_n<node>_p<from>"),
        ({"width": 1}, "unknown key 'width'"),
        (
            {"normal_n2_p2": "maxpool"},
            "unknown key 'normal_n2_p2'; expected normal_n2_p0 to normal_n2_p1, or normal_n2_sw",
        ),
        (
            {"normal_n4_p17": []},
            "unknown key 'normal_n4_p17'; expected normal_n4_p0 to normal_n4_p3, or normal_n4_switch",
        ),
        ({"normal_n3_p01": "maxpool"}, "unknown key 'normal_n3_p01'; expected normal_n3_p0 to normal_n3_p2"),
        ({"normal_n03_switch": [0]}, "unknown key 'normal_n03_switch'; expected normal_n3_p0 to normal_n3_p2"),
    ],
)
def test_what_is_refused(change: dict[str, Any], message: str) -> None:
    values = {key: value for key, value in (written("names") | change).items() if value is not None}
    with pytest.raises(FormatError) as caught:
        cells(values)
    assert message in str(caught.value)
