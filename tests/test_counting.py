"""Counts: golden figures, sums that must agree, and liveness against a brute-force evaluation."""

from __future__ import annotations

import subprocess
import sys
from math import prod

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from genocc import Cell, Edge, Genotype, Graph, NetworkConfig, count, lower
from genocc.counting import (
    MAX_ACTIVATIONS,
    MAX_WEIGHTS,
    activation_peak,
    check_activations,
    check_weights,
    compiled_graph,
    cost_by_edge,
)
from genocc.errors import NetworkError
from genocc.graph import GraphBuilder
from genocc.operations import OPERATIONS, Block, Operation
from genocc.primitives import Add, Conv2d, Input, Relu
from tests.strategies import genotypes, networks


@pytest.mark.parametrize(
    ("skeleton", "parameters", "macs"), [("cifar", 3_349_342, 528_359_040), ("imagenet", 4_718_752, 529_911_552)]
)
def test_golden(darts_v2: Genotype, skeleton: str, parameters: int, macs: int) -> None:
    counts = count(darts_v2, NetworkConfig.make(skeleton=skeleton))
    assert (counts.total.parameters, counts.total.macs) == (parameters, macs)
    assert counts.total.flops == 2 * macs
    assert counts.to_dict()["macs"] == macs


def test_auxiliary_parameters_by_hand(darts_v2: Genotype) -> None:
    """1x1 conv to 128, BN, 2x2 conv to 768, BN, linear; the reduction's output has 4 x 144 channels at C=36."""
    expected = 4 * 144 * 128 + 2 * 128 + 128 * 768 * 4 + 2 * 768 + 768 * 10 + 10
    assert count(darts_v2).auxiliary_parameters == expected
    imagenet = count(darts_v2, NetworkConfig.make(skeleton="imagenet"))
    assert imagenet.auxiliary_parameters == 4 * 192 * 128 + 2 * 128 + 128 * 768 * 4 + 768 * 1000 + 1000
    assert count(darts_v2, NetworkConfig.make(input_size=(16, 16))).auxiliary_parameters is None


@settings(max_examples=100)
@given(genotype=genotypes(zeros=True), config=networks())
def test_every_itemisation_sums_to_the_total(genotype: Genotype, config: NetworkConfig) -> None:
    counts = count(genotype, config)
    for items in (counts.by_kind.values(), counts.by_cell.values()):
        assert sum(cost.parameters for cost in items) == counts.total.parameters
        assert sum(cost.macs for cost in items) == counts.total.macs
        assert sum(cost.elementwise for cost in items) == counts.total.elementwise
        assert sum(cost.nodes for cost in items) == counts.total.nodes
    edges = sum(e.cost.parameters for e in counts.by_edge)
    graph = lower(genotype, config)
    assert counts.total.nodes == len(graph.nodes)
    outside = [n for n in graph.nodes.values() if ".nodes." not in n.name]
    assert edges + sum(prod(s) for n in outside for s in n.parameters().values()) == counts.total.parameters


NAMES = ("mb-conv", "3x3", "7", "add", "pre0", "nodes", "gr\u00f6\u00dfe")


@settings(max_examples=50)
@given(data=st.data(), config=networks(), name=st.sampled_from(NAMES) | st.from_regex(r"[\w-]{1,9}", fullmatch=True))
def test_edges_of_a_registered_operation_are_counted(data: st.DataObject, config: NetworkConfig, name: str) -> None:
    """By cell, edge by edge: what is left of a cell are its preprocessing, its sums and its concat."""
    assume(name not in OPERATIONS)
    OPERATIONS[name] = Operation(name, nested, "#000000", "solid")
    try:
        genotype = data.draw(genotypes(max_nodes=3, max_edges=3, ops=("skip_connect", "sep_conv_3x3", name)))
        counts, graph = count(genotype, config), lower(genotype, config)
        preprocessing = sum(
            node.macs for node in graph.nodes.values() if ".pre" in node.name and ".nodes." not in node.name
        )
        edges = sum(row.cost.macs for row in counts.by_edge)
        assert edges + preprocessing == sum(cost.macs for cell, cost in counts.by_cell.items() if "cells" in cell)
        numbers = {kind: [k for k in range(config.layers) if config.kind(k) == kind] for kind in genotype.cells}
        assert all(row.cost.macs > 0 for row in counts.by_edge if row.op == name and numbers[row.cell])
    finally:
        del OPERATIONS[name]


def nested(b: Block, x: str, stride: int) -> str:
    """A recipe with values in a block of its own, and with a name that is a number."""
    inner = b.within("inner")
    return b.conv(inner.conv(inner.relu(x, "0"), "conv", 1, stride), "1", 3)


def test_an_edge_by_hand(darts_v2: Genotype) -> None:
    """One sep_conv_3x3 of the first cells: 2 (9 C + C*C + 2C) parameters, 2 (9 + C) C H W MACs; 18 normal cells."""
    row = count(darts_v2).by_edge[0]
    assert (row.cell, row.source, row.target, row.op) == ("normal", 0, 2, "sep_conv_3x3")
    channels = [36] * 6 + [72] * 6 + [144] * 6
    sizes = [32] * 6 + [16] * 6 + [8] * 6
    assert row.cost.parameters == sum(2 * (9 * c + c * c + 2 * c) for c in channels)
    assert row.cost.macs == sum(2 * (9 + c) * c * s * s for c, s in zip(channels, sizes, strict=True))


def test_what_is_dead_is_not_compiled() -> None:
    edge = Edge(op="sep_conv_3x3", source=0)
    live, dead = Cell(nodes=((edge,),), concat=(2,)), Cell(nodes=((edge,), (edge,)), concat=(2,))
    with_dead = count(Genotype(name="dead", cells={"normal": dead, "reduction": dead}))
    without = count(Genotype(name="live", cells={"normal": live, "reduction": live}))
    assert with_dead.total.macs > without.total.macs
    assert with_dead.compiled == without.compiled


def test_sharing_leaves_parameters_and_macs_alone(darts_v2: Genotype) -> None:
    counts = count(darts_v2)
    assert (counts.compiled.parameters, counts.compiled.macs) == (counts.total.parameters, counts.total.macs)
    assert counts.compiled.elementwise < counts.total.elementwise


@settings(max_examples=50)
@given(genotype=genotypes(max_nodes=4, max_edges=3), config=networks())
def test_activation_peak_is_that_of_brute_force(genotype: Genotype, config: NetworkConfig) -> None:
    for graph in (lower(genotype, config), compiled_graph(lower(genotype, config))):
        assert activation_peak(graph) == brute_force_peak(graph)


def brute_force_peak(graph: Graph) -> int:
    """At each step, the sizes of all values that exist and that a later node or an output still reads."""
    names, peak = list(graph.nodes), 0
    for step in range(len(names)):
        read = {value for name in names[step:] for value in graph.nodes[name].inputs} | {*graph.outputs.values()}
        alive = {name for name in names[:step] if name in read} | {names[step]}
        peak = max(peak, sum(prod(graph.nodes[name].shape) for name in alive))
    return 4 * peak


def test_activation_peak_by_hand() -> None:
    b = GraphBuilder()
    b.add("image", Input(1, 2, 2))
    b.add("a", Relu(), "image")
    b.add("b", Relu(), "a")
    b.add("sum", Add(), "a", "b")
    assert activation_peak(b.build(y="sum")) == 4 * (4 + 4 + 4)


HEAVY = ("torch", "openvino", "onnx", "onnxruntime", "numpy", "networkx", "graphviz", "yaml")


@pytest.mark.parametrize("command", [["count", "zoo:darts-v2", "--skeleton", "imagenet"], ["--help"], ["ops"]])
def test_light_commands_import_nothing_heavy(command: list[str]) -> None:
    code = (
        "import sys; from genocc.cli import app\n"
        f"try: app({command!r})\nexcept SystemExit as exit: assert not exit.code\n"
        f"found = [name for name in {HEAVY!r} if name in sys.modules]; assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_a_net_of_more_weights_than_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four bytes each; a share of them is that share."""
    graph = weighing(8 * 3 * 3)
    for most, share, fits in ((288, (), True), (287, (), False), (144, (0.5,), True), (143, (0.5,), False)):
        monkeypatch.setattr("genocc.counting.MAX_WEIGHTS", most)
        if fits:
            check_weights(graph, *share)
        else:
            with pytest.raises(NetworkError, match="choose fewer channels or layers"):
                check_weights(graph, *share)


def test_a_batch_of_more_activations_than_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """An image of 4 values and 8 channels of 4 that are made of it, at 4 bytes each, for each of two images."""
    graph = weighing(8)
    monkeypatch.setattr("genocc.counting.MAX_ACTIVATIONS", 2 * 4 * (4 + 32))
    check_activations(graph, 2, "advice")
    with pytest.raises(NetworkError, match=r"^3 images of 1x2x2 need 0\.0 GiB of memory.*: advice$"):
        check_activations(graph, 3, "advice")


def test_the_limits_are_16_and_4_gibibytes() -> None:
    assert (MAX_WEIGHTS, MAX_ACTIVATIONS) == (16 * 2**30, 4 * 2**30)


def weighing(weights: int) -> Graph:
    """A graph of one convolution with so many weights, of 8 channels each."""
    side = round((weights / 8) ** 0.5)
    b = GraphBuilder()
    b.add("image", Input(1, 2, 2))
    b.add("conv", Conv2d(8, (side, side), pads=(side // 2,) * 4), "image")
    return b.build(y="conv")


def test_values_that_are_returned_stay_alive() -> None:
    """At the last node the first output, its input's reader, is there as well; the image is not."""
    b = GraphBuilder()
    b.add("image", Input(1, 2, 2))
    b.add("early", Relu(), "image")
    b.add("mid", Relu(), "early")
    b.add("late", Relu(), "mid")
    graph = b.build(early="early", late="late")
    assert activation_peak(graph) == 4 * 3 * 4
    assert activation_peak(graph, bytes_per_element=2) == 2 * 3 * 4


def test_cells_by_hand() -> None:
    """A net of one cell, whose one edge is a 1x1 convolution: 4 channels on 8x8, three times that in the stem."""
    cell = Cell(nodes=((Edge(op="conv_1x1", source=0),),), concat=(2,))
    genotype = Genotype(name="one", cells={"normal": cell, "reduction": cell})
    counts = count(genotype, NetworkConfig.make(channels=4, layers=1, input_size=(8, 8), classes=5))
    kind = counts.config.kind(0)
    size = 64 if kind == "normal" else 16
    channels = 4 if kind == "normal" else 8
    found = {name: (cost.parameters, cost.macs) for name, cost in counts.by_cell.items()}
    edge = (channels * channels + 2 * channels, channels * channels * size)
    before = 2 * (12 * channels + 2 * channels), 2 * 12 * channels * 64
    assert found == {
        "stem": (27 * 12 + 24, 27 * 12 * 64),
        "cells.0": (before[0] + edge[0], before[1] + edge[1]),
        "head": (5 * channels + 5, 5 * channels),
    }
    rows = {row.cell: row for row in counts.by_edge}
    assert (rows[kind].cost.parameters, rows[kind].cost.macs) == edge
    other = rows["reduction" if kind == "normal" else "normal"].cost
    assert (other.parameters, other.nodes) == (0, 0), "the net has no such cell"


def test_what_json_says_is_what_was_counted(darts_v2: Genotype) -> None:
    config = NetworkConfig.make(channels=8, layers=6, auxiliary=True)
    counts = count(darts_v2, config)
    data = counts.to_dict()
    assert (data["parameters"], data["flops"]) == (counts.total.parameters, 2 * counts.total.macs)
    assert data["auxiliary_parameters"] == counts.auxiliary_parameters
    assert data["activation_peak_bytes"] == counts.activation_peak
    assert data["compiled"]["activation_peak_bytes"] == counts.compiled_activation_peak
    assert data["by_kind"]["conv"]["macs"] == counts.by_kind["conv"].macs
    assert data["by_cell"]["cells.0"]["nodes"] == counts.by_cell["cells.0"].nodes
    first = counts.by_edge[0]
    assert [data["by_edge"][0][key] for key in ("cell", "from", "to", "op", "parameters")] == [
        first.cell, first.source, first.target, first.op, first.cost.parameters
    ]  # fmt: skip
    assert counts.training is not None
    assert counts.training.parameters == counts.total.parameters + (counts.auxiliary_parameters or 0)
    assert data["training"]["parameters"] == counts.training.parameters
    assert count(darts_v2, NetworkConfig.make(channels=8, layers=6)).to_dict()["training"] is None


def test_the_costs_of_edges_alone_are_those_of_the_count(darts_v2: Genotype) -> None:
    config = NetworkConfig.make(channels=8, layers=6)
    counts = count(darts_v2, config)
    assert cost_by_edge(darts_v2, config) == (counts.total, counts.by_edge)
