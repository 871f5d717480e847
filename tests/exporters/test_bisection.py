"""Bisection of real nets: of trained ones with their weights, of untrained ones with a BN that hides nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import genocc
from genocc import Genotype, NetworkConfig
from genocc.compiler import compile_net
from genocc.errors import GenoccError
from genocc.exporters.bisection import _random, bisect_passes
from genocc.passes import PASSES

SMALL = NetworkConfig(channels=2, layers=2, input_size=(8, 8))


def test_passes_keep_the_logits_of_a_training(training_run: Path) -> None:
    found = bisect_passes(genocc.open(training_run), passes=["remove-dead-code", "fold-batch-norm"])
    assert list(found.errors) == ["remove-dead-code", "fold-batch-norm"]
    assert max(found.errors.values()) < 1e-10


def test_it_stops_at_a_pass_that_changes_them(darts_v2: Genotype, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(self: Any, graph: Any, parameters: Any) -> Any:
        arrays = {**parameters, "classifier.linear.bias": parameters["classifier.linear.bias"] + 1e-6}
        return graph, type(parameters).of(arrays)

    monkeypatch.setattr(type(PASSES["relu-before-concat"]), "run", run)
    names = ["remove-dead-code", "relu-before-concat", "fold-batch-norm"]
    found = bisect_passes(darts_v2, SMALL, passes=names)
    assert list(found.errors) == names[:2]
    assert found.errors["relu-before-concat"] > 1e-10


def test_untrained_nets_get_a_bn_of_their_own_in_every_place(darts_v2: Genotype) -> None:
    net = compile_net(darts_v2, SMALL, seed=3)
    arrays = _random(net.logical, net.weights, net.seed)
    assert arrays.keys() == set(net.weights)
    for node in net.logical.nodes.values():
        for name in {**node.parameters(), **node.buffers()}:
            if node.primitive.kind == "batch_norm":
                assert arrays[name].std() > 0
                assert arrays[name].min() >= 0.5 or not name.endswith("running_var")
            else:
                np.testing.assert_array_equal(arrays[name], net.weights[name])


def test_a_seed_and_weights_exclude_each_other(training_run: Path) -> None:
    with pytest.raises(GenoccError, match="--seed is of an initialization"):
        bisect_passes(genocc.open(training_run), passes=[], seed=1)
