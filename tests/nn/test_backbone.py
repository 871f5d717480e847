"""A net without its head: its maps are those of the whole net, its weights part of the whole net's."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest
import torch

import genocc
from genocc import Genotype, NetworkConfig, lower
from genocc.errors import NetworkError, WeightsError
from genocc.exporters import torch as target
from genocc.nn.backbone import Backbone
from genocc.nn.target_net import TargetNet
from tests.reference import random_parameters
from tests.sample_data import ROOT

IMAGENET = NetworkConfig.make(skeleton="imagenet", channels=4, layers=6, classes=5, input_size=(64, 64))
FEATURES = {"deep": 5, "shallow": 1, "middle": 3}


def maps_of(net: TargetNet, image: torch.Tensor) -> dict[int, torch.Tensor]:
    """The cells' outputs in a whole net, read off its modules: what cell n+1 preprocesses, or what the head means."""
    seen: dict[int, torch.Tensor] = {}
    for cell in range(1, net.config.layers):
        conv = net.get_submodule(f"cells.{cell}.pre1.conv")  # behind the ReLU of cell - 1's output
        conv.register_forward_pre_hook(lambda _, inputs, cell=cell: seen.update({cell - 1: inputs[0]}))
    net(image)
    return seen


def test_the_maps_are_those_of_the_whole_net(darts_v2: Genotype, tmp_path: Path) -> None:
    net = TargetNet(darts_v2, IMAGENET, weights=random_parameters(lower(darts_v2, IMAGENET))).float().eval()
    target.save(net, tmp_path / "w.safetensors")
    backbone = Backbone(darts_v2, IMAGENET, features=FEATURES, weights=tmp_path / "w.safetensors").eval()
    image = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        whole, found = maps_of(net, image), backbone(image)
        logits = net.get_submodule("classifier.linear")(found["deep"].mean((2, 3)))
        torch.testing.assert_close(logits, net(image))
    assert list(found) == list(FEATURES)
    for name in ("shallow", "middle"):
        torch.testing.assert_close(found[name].relu(), whole[FEATURES[name]])


@pytest.mark.parametrize("mode", [True, False])
@pytest.mark.parametrize(("stem_stride", "strides"), [(8, [32, 8, 16]), (4, [16, 4, 8]), (2, [8, 2, 4])])
def test_channels_and_strides_are_what_it_says(
    darts_v2: Genotype, stem_stride: int, strides: list[int], mode: bool
) -> None:
    config = IMAGENET.model_copy(update={"stem_stride": stem_stride})
    backbone = Backbone(darts_v2, config, features=FEATURES).train(mode)
    found = backbone(torch.randn(2, 3, 96, 128)).values()  # another size than the configuration's
    assert backbone.strides == strides
    assert [tuple(map.shape[2:]) for map in found] == [(96 // stride, 128 // stride) for stride in strides]
    assert backbone.out_channels == [map.shape[1] for map in found] == [64, 16, 32]


def test_all_stem_strides_have_the_same_weights(darts_v2: Genotype) -> None:
    states = [
        Backbone(darts_v2, IMAGENET.model_copy(update={"stem_stride": stride}), features={"out": 5}).state_dict()
        for stride in (2, 8)
    ]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    assert states[0].keys() == states[1].keys()


def test_it_has_no_more_than_it_needs_and_trains(darts_v2: Genotype) -> None:
    backbone = Backbone(darts_v2, NetworkConfig(channels=4, layers=6, auxiliary=True), features={"out": 2})
    assert {name.split(".")[1] for name in backbone.state_dict() if name.startswith("cells.")} == {"0", "1", "2"}
    assert not any(name.startswith(("auxiliary", "classifier")) for name in backbone.state_dict())
    backbone.drop_path_rate = 0.5
    torch.manual_seed(0)
    first, second = (backbone(torch.ones(4, 3, 16, 16))["out"] for _ in range(2))
    assert not torch.equal(first, second)
    torch.autograd.backward(first.square().sum())
    assert all(parameter.grad is not None for parameter in backbone.parameters())


def test_a_copy_is_independent(darts_v2: Genotype) -> None:
    backbone = Backbone(darts_v2, NetworkConfig(channels=4, layers=3), features={"out": 1}).eval()
    other = copy.deepcopy(backbone)
    image = torch.randn(1, 3, 16, 16)
    before = backbone(image)["out"]
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(2)
    assert torch.equal(backbone(image)["out"], before)
    assert not torch.allclose(other(image)["out"], before)


def test_cells_of_identities_alone_have_no_path_to_drop() -> None:
    cell = {"nodes": [[{"op": "skip_connect", "from": 0}]], "concat": [2]}
    genotype = Genotype.from_dict({"name": "identity", "cells": {"normal": cell, "reduction": cell}})
    backbone = Backbone(genotype, NetworkConfig(channels=4, layers=6), features={"out": 0})
    assert backbone(torch.randn(2, 3, 8, 8))["out"].shape == (2, 4, 8, 8)


def test_what_does_not_exist_or_fit_is_refused(darts_v2: Genotype) -> None:
    for features, message in (({"out": 6}, "'out' is of cell 6; the net has cells 0 to 5"), ({}, "found none")):
        with pytest.raises(NetworkError, match=message):
            Backbone(darts_v2, IMAGENET, features=features)
    arrays = random_parameters(lower(genocc.load("zoo:pdarts"), IMAGENET))
    with pytest.raises(WeightsError, match=r"tensor 'cells.*is this the right genotype"):
        Backbone(darts_v2, IMAGENET, features={"out": 5}, weights=arrays)
    arrays = {**random_parameters(lower(darts_v2, IMAGENET)), "surplus.weight": arrays["stem0.conv1.weight"]}
    with pytest.raises(WeightsError, match=r"tensor 'surplus.weight' has no place"):
        Backbone(darts_v2, IMAGENET, features={"out": 5}, weights=arrays)


def test_the_page_is_true() -> None:
    (block,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / "backbones.md").read_text(encoding="utf-8"), re.DOTALL
    )
    exec(compile(block, "docs/backbones.md", "exec"), {})
