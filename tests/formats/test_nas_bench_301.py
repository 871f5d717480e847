"""The ConfigSpace dicts of NAS-Bench-301."""

from __future__ import annotations

import json
from typing import Any

import pytest

from genocc import Edge, Genotype
from genocc.errors import FormatError
from genocc.formats import DIALECTS
from tests import sample_data
from tests.formats.reading import DARTS_V2_NORMAL, nodes, read, refusal

PREFIX = "NetworkSelectorDatasetInfo:darts:"


def sample() -> dict[str, Any]:
    values: dict[str, Any] = json.loads(sample_data.formats()["nas-bench-301 ConfigSpace dict"]["sample"])
    return values


def test_edges_are_numbered_node_by_node() -> None:
    genotype = read("nas-bench-301", json.dumps(sample())).genotype
    assert nodes(genotype.cells["normal"]) == [
        "skip_connect<0, sep_conv_3x3<1",  # edges 0 and 1
        "dil_conv_5x5<1, avg_pool_3x3<2",  # 3, 4 of 2 to 4
        "dil_conv_5x5<2, sep_conv_3x3<3",  # 7, 8 of 5 to 8
        "dil_conv_3x3<0, dil_conv_3x3<1",  # 9, 10 of 9 to 13
    ]
    assert nodes(genotype.cells["reduction"]) == [
        "dil_conv_3x3<0, skip_connect<1",
        "max_pool_3x3<0, dil_conv_5x5<1",
        "dil_conv_3x3<1, avg_pool_3x3<2",
        "sep_conv_3x3<0, sep_conv_3x3<2",
    ]
    assert [cell.concat for cell in genotype.cells.values()] == [(2, 3, 4, 5)] * 2


def test_a_python_dict_under_a_name() -> None:
    text = f"other = {{'a': 1}}\nconfig = {sample()!r}\n"
    imported = read("nas-bench-301", text)
    assert imported.genotype.name == "config"
    assert imported.genotype.hash == read("nas-bench-301", json.dumps(sample())).genotype.hash


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"edge_normal_0": None}, "cell 'normal', node 2: 1 of its edges are there; expected two"),
        ({"edge_normal_5": "skip_connect"}, "cell 'normal', node 4: 3 of its edges are there; expected two"),
        ({"edge_normal_14": "skip_connect"}, "edge_normal_14'; expected edge_normal_0 to 13"),
        ({"inputs_node_normal_4": "0_3"}, "inputs_node_normal_4: found '0_3'; expected '2_3'"),
        ({"edge_reduce_0": 3}, "edge_reduce_0: found 3; expected an operation's name"),
        ({"edge_reduce_0": "noise"}, "cell 'reduction', node 2, edge 1 of 2 ('noise' from 0): the operation has no"),
    ],
)
def test_what_is_refused(change: dict[str, Any], message: str) -> None:
    changed = sample() | {PREFIX + key: value for key, value in change.items()}
    text = json.dumps({key: value for key, value in changed.items() if value is not None})
    assert message in refusal("nas-bench-301", text)


def test_what_is_no_config() -> None:
    assert "no genotype found" in refusal("nas-bench-301", "{}")
    key = f'"{PREFIX}edge_normal_0"'
    assert "edge_normal_0' stands twice" in refusal("nas-bench-301", f"{{{key}: 1, {key}: 2}}")
    assert "node 2: 1 of its edges are there" in refusal("nas-bench-301", f"{{{key}: 'skip_connect'}}")
    assert "no genotype found" in refusal("nas-bench-301", "[1, 2]")
    assert "not Python source" in refusal("nas-bench-301", f"{{{key}: ")


def test_a_result_file_has_the_configuration_one_level_down() -> None:
    result = {"final_metric_score": -97.0, "info": [{"x": None}], "optimized_hyperparamater_config": sample()}
    genotype = read("nas-bench-301", json.dumps(result)).genotype
    assert genotype.hash == read("nas-bench-301", json.dumps(sample())).genotype.hash
    del result["optimized_hyperparamater_config"][f"{PREFIX}edge_normal_4"]  # type: ignore[attr-defined]
    assert refusal("nas-bench-301", json.dumps(result)) == (
        "cell 'normal', node 3: 1 of its edges are there; expected two of edge_normal_2, edge_normal_3, edge_normal_4; "
        "by inputs_node_normal_3 '1_2', edge_normal_4 is missing"
    )


def test_written_as_the_benchmark_converts_it(darts_v2: Genotype) -> None:
    values = json.loads(DIALECTS["nas-bench-301"].write(darts_v2))
    normal = {key.removeprefix(PREFIX): value for key, value in values.items() if "_normal_" in key}
    assert normal == {
        "edge_normal_0": "sep_conv_3x3",
        "edge_normal_1": "sep_conv_3x3",
        "edge_normal_2": "sep_conv_3x3",
        "edge_normal_3": "sep_conv_3x3",
        "inputs_node_normal_3": "0_1",
        "edge_normal_5": "skip_connect",
        "edge_normal_6": "sep_conv_3x3",
        "inputs_node_normal_4": "0_1",
        "edge_normal_9": "skip_connect",
        "edge_normal_11": "dil_conv_3x3",
        "inputs_node_normal_5": "0_2",
    }
    again = read("nas-bench-301", json.dumps(values)).genotype
    assert sorted(nodes(again.cells["normal"])[2].split(", ")) == sorted(DARTS_V2_NORMAL[2].split(", "))
    assert again.hash == darts_v2.hash


def test_two_operations_on_an_edge_cannot_be_expressed(darts_v2: Genotype) -> None:
    normal = darts_v2.cells["normal"]
    twice = (Edge(op="skip_connect", source=1), Edge(op="sep_conv_3x3", source=1))
    changed = normal.model_copy(update={"nodes": (*normal.nodes[:2], twice, normal.nodes[3])})
    genotype = darts_v2.model_copy(update={"cells": {**darts_v2.cells, "normal": changed}})
    with pytest.raises(FormatError, match="cell 'normal', node 4: 2 operations from state 1; expected one from each"):
        DIALECTS["nas-bench-301"].write(genotype)
