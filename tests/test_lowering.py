"""Lowering: any genotype in any network, in its two forms; heads, drop path, and what has no place."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genocc import Cell, Edge, Genotype, NetworkConfig, lower
from genocc.errors import NetworkError
from genocc.lowering import MAX_PRIMITIVES
from genocc.primitives import BatchNorm, DropPath
from tests.strategies import crowded, genotypes, networks


@settings(max_examples=300)
@given(genotype=genotypes(zeros=True), config=networks())
def test_any_genotype_in_any_network(genotype: Genotype, config: NetworkConfig) -> None:
    inference, training = lower(genotype, config), lower(genotype, config, training=True)
    inference.verify()
    training.verify()
    assert inference.parameters() == training.parameters()
    assert inference.buffers() == training.buffers()
    assert [n for n in training.nodes if not isinstance(training.nodes[n].primitive, DropPath)] == [*inference.nodes]


def test_drop_path_on_every_edge_except_stride_1_skips(darts_v2: Genotype) -> None:
    graph = lower(darts_v2, NetworkConfig.make(layers=3), training=True)
    dropped = {name.removesuffix(".drop_path") for name in graph.nodes if name.endswith(".drop_path")}
    every = {
        f"cells.{k}.nodes.{state - 2}.{edge.op}.{position}"
        for k, kind in enumerate(["normal", "reduction", "reduction"])
        for state, position, edge in darts_v2.cells[kind].edges()
        if edge.op != "skip_connect" or (kind == "reduction" and edge.source < 2)
    }
    assert dropped == every


@pytest.mark.parametrize(("skeleton", "size", "bn"), [("cifar", 32, True), ("imagenet", 224, False)])
def test_auxiliary_head(darts_v2: Genotype, skeleton: str, size: int, bn: bool) -> None:
    config = NetworkConfig.make(skeleton=skeleton, auxiliary=True, channels=4, layers=3)
    graph = lower(darts_v2, config, training=True)
    assert list(graph.outputs) == ["logits", "auxiliary_logits"]
    assert graph.nodes["auxiliary.relu1"].inputs == ("cells.2.concat",)
    assert graph.nodes["auxiliary.pool"].shape[1:] == (2, 2)
    assert graph.nodes["auxiliary.conv1"].shape == (128, 2, 2)
    assert graph.nodes["auxiliary.conv2"].shape == (768, 1, 1)
    assert ("auxiliary.bn2" in graph.nodes) is bn
    assert list(lower(darts_v2, config).outputs) == ["logits"]


def test_an_auxiliary_head_needs_a_large_enough_map(darts_v2: Genotype) -> None:
    for size, fits in ((29, True), (28, False)):
        config = NetworkConfig.make(auxiliary=True, layers=3, channels=4, input_size=(size, size))
        if fits:
            lower(darts_v2, config, training=True)
        else:
            with pytest.raises(NetworkError, match="at least 8x8, found 7x7"):
                lower(darts_v2, config, training=True)


def test_cells_without_a_place(darts_v2: Genotype) -> None:
    normal = darts_v2.cells["normal"]
    with pytest.raises(NetworkError, match="needs a cell 'reduction'; the genotype has only: normal"):
        lower(Genotype(name="half", cells={"normal": normal}))
    one = Cell(inputs=1, nodes=((Edge(op="conv_3x3", source=0),),), concat=(1,))
    with pytest.raises(NetworkError, match="two inputs per cell; cell 'normal' has 1"):
        lower(Genotype(name="one input", cells={"normal": one, "reduction": normal}))


def test_odd_channels_are_refused_where_they_would_be_halved(darts_v2: Genotype) -> None:
    lower(darts_v2, NetworkConfig.make(channels=3, layers=3))
    with pytest.raises(NetworkError, match=r"cells\.0\.pre0: .*found 3; choose an even number"):
        lower(darts_v2, NetworkConfig.make(skeleton="imagenet", channels=3, layers=3))


@given(data=st.data())
def test_bn_follows_the_design(data: st.DataObject) -> None:
    graph = lower(data.draw(genotypes(max_nodes=3)), NetworkConfig.make(layers=2, channels=4))
    norms = [n.primitive for n in graph.nodes.values() if isinstance(n.primitive, BatchNorm)]
    assert set(norms) == {BatchNorm(affine=True, epsilon=1e-5, momentum=0.1)}


def test_cells_read_the_two_before_them(darts_v2: Genotype) -> None:
    graph = lower(darts_v2, NetworkConfig.make(channels=4, layers=4))
    names = [f"cells.{k}.pre{index}" for k in range(4) for index in (0, 1)]
    read = {name: graph.nodes[f"{name}.relu"].inputs for name in names}
    assert read["cells.0.pre0"] == read["cells.0.pre1"] == read["cells.1.pre0"] == ("stem.bn",)
    assert read["cells.2.pre0"] == ("cells.0.concat",)
    assert read["cells.3.pre1"] == ("cells.2.concat",)
    assert graph.nodes["head.mean"].inputs == ("cells.3.concat",)
    assert graph.outputs == {"logits": "classifier.linear"}


@settings(max_examples=40)
@given(genotype=genotypes(max_nodes=3), config=networks(max_layers=3))
def test_strides_are_those_of_edges_from_the_inputs_of_reductions(genotype: Genotype, config: NetworkConfig) -> None:
    """A state has half the size of the cell's inputs in a reduction, and their size elsewhere."""
    graph = lower(genotype, config)
    for number in range(config.layers):
        kind = config.kind(number)
        before = graph.nodes[f"cells.{number}.pre1.bn"].shape[1:]
        expected = tuple(-(-size // 2) if kind == "reduction" else size for size in before)
        cell = genotype.cells[kind]
        for node, edges in enumerate(cell.nodes):
            if len(edges) > 1:
                channels, *size = graph.nodes[f"cells.{number}.nodes.{node}.add"].shape
                assert (channels, tuple(size)) == (graph.nodes[f"cells.{number}.pre1.bn"].shape[0], expected)


def test_features_of_cells_end_the_graph_with_the_last_of_them(darts_v2: Genotype) -> None:
    config = NetworkConfig.make(channels=4, layers=4)
    graph = lower(darts_v2, config, features={"late": 2, "early": 0})
    assert graph.outputs == {"late": "cells.2.concat", "early": "cells.0.concat"}
    assert not [name for name in graph.nodes if name.startswith(("cells.3", "head", "classifier"))]
    for features, message in (({}, "found none"), ({"x": 4}, "'x' is of cell 4; the net has cells 0 to 3")):
        with pytest.raises(NetworkError, match=message):
            lower(darts_v2, config, features=features)


def test_a_net_of_too_many_primitives_is_refused_as_soon_as_that_is_clear() -> None:
    started = time.perf_counter()
    with pytest.raises(NetworkError, match=r"^layers: found 512 cells, the first \d+ of which have \d+,\d+ primitives"):
        lower(crowded(), NetworkConfig(layers=512, channels=4096))
    assert time.perf_counter() - started < 20
    assert len(lower(crowded(), NetworkConfig(layers=3)).nodes) < MAX_PRIMITIVES


def test_cells_of_one_input_have_one_output_state_and_a_skeleton_of_their_own() -> None:
    edge = (Edge(op="conv_1x1", source=0),)
    one, two = (Cell(inputs=1, nodes=(edge, edge), concat=concat) for concat in ((2,), (1, 2)))
    config = NetworkConfig.make(skeleton="nas-bench-201", channels=4, layers=5)
    lower(Genotype(name="one", cells={"normal": one}), config)
    with pytest.raises(NetworkError, match="output is one state; the concat of cell 'normal' has 2"):
        lower(Genotype(name="two", cells={"normal": two}), config)
    with pytest.raises(NetworkError, match=r"cell 'normal' has 1; choose skeleton nas-bench-201$"):
        lower(Genotype(name="one", cells={"normal": one, "reduction": one}))
