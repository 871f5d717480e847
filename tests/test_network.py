"""Configurations and the two skeletons."""

from __future__ import annotations

import pytest

from genocc import Genotype, NetworkConfig, lower
from genocc.errors import NetworkError


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
