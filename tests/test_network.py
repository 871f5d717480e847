"""Configurations and the two skeletons."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genocc import Cell, Edge, Genotype, NetworkConfig, lower
from genocc.errors import NetworkError
from genocc.primitives import BatchNorm, DropPath
from tests.strategies import genotypes, networks


def test_defaults_follow_the_skeleton() -> None:
    assert NetworkConfig().model_dump() == NetworkConfig.make(skeleton="cifar").model_dump()
    imagenet = NetworkConfig.make(skeleton="imagenet", classes=200)
    assert (imagenet.channels, imagenet.layers, imagenet.input_size) == (48, 14, (224, 224))
    assert (imagenet.classes, imagenet.stem_stride, imagenet.auxiliary_bn) == (200, 8, False)
    assert NetworkConfig.model_validate_json(imagenet.model_dump_json()) == imagenet


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"skeleton": "resnet"}, "skeleton: found 'resnet'"),
        ({"channels": 0}, "channels: found 0"),
        ({"layers": True}, "layers: found True"),
        ({"input_size": (0, 32)}, "input_size.0: found 0"),
        ({"input_size": (32, 100_000)}, "input_size.1: found 100000"),
        ({"stem_stride": 8}, "stem_stride 8 does not exist in skeleton 'cifar'; expected 1, 2"),
        ({"depth": 3}, "depth: found 3"),
    ],
)
def test_what_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        NetworkConfig.make(**fields)


@pytest.mark.parametrize(("layers", "reductions"), [(20, {6, 13}), (14, {4, 9}), (8, {2, 5}), (5, {1, 3}), (1, {0})])
def test_reductions_are_at_one_and_two_thirds(layers: int, reductions: set[int]) -> None:
    assert NetworkConfig.make(layers=layers).reductions == reductions


def test_shapes_of_the_cifar_skeleton(darts_v2: Genotype) -> None:
    graph = lower(darts_v2, NetworkConfig.make(channels=8, layers=6, input_size=(32, 30)))
    assert graph.nodes["stem.bn"].shape == (24, 32, 30)
    assert [graph.nodes[f"cells.{k}.concat"].shape for k in range(6)] == [
        (32, 32, 30), (32, 32, 30), (64, 16, 15), (64, 16, 15), (128, 8, 8), (128, 8, 8)
    ]  # fmt: skip
    assert graph.nodes[graph.outputs["logits"]].shape == (10,)
    factorized = {name.split(".")[1] for name in graph.nodes if name.endswith("pre0.shift")}
    assert factorized == {"3", "5"}


@pytest.mark.parametrize(("stem_stride", "older"), [(8, 8), (4, 16), (2, 32)])
def test_shapes_of_the_imagenet_skeleton(darts_v2: Genotype, stem_stride: int, older: int) -> None:
    config = NetworkConfig.make(skeleton="imagenet", channels=8, layers=3, input_size=(32, 32), stem_stride=stem_stride)
    graph = lower(darts_v2, config.model_copy(update={"input_size": (32, 32)}))
    size = 32 // (stem_stride // 2)
    assert graph.nodes["stem0.bn2"].shape == (8, size, size)
    assert graph.nodes["stem1.bn"].shape == (8, size // 2, size // 2)
    assert "cells.0.pre0.shift" in graph.nodes
    assert graph.nodes["cells.0.concat"].shape == (32, size // 2, size // 2)


@settings(max_examples=300)
@given(genotype=genotypes(), config=networks())
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
    with pytest.raises(NetworkError, match="two inputs a cell; cell 'normal' has 1"):
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
