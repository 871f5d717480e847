"""The optimized PyTorch net computes what the graph says, whatever ran before it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genocc import Genotype, NetworkConfig, lower
from genocc.errors import TargetError
from genocc.graph import GraphBuilder
from genocc.nn.inference_net import PASSES, InferenceNet
from genocc.passes import PASSES as ALL_PASSES
from genocc.passes import Parameters, run_passes, select
from genocc.primitives import DropPath, Input, Normalize, Relu, Slice, Softmax
from genocc.targets import CompiledNet
from tests.reference import evaluate, random_image, random_parameters, relative_error
from tests.strategies import genotypes, networks


def compiled(genotype: Genotype, config: NetworkConfig, passes: tuple[str, ...]) -> CompiledNet:
    """A net in float64, which `compile_net` would round to float32."""
    plain = lower(genotype, config)
    arrays = random_parameters(plain)
    graph, parameters = run_passes(plain, Parameters.of(arrays), select(passes, ALL_PASSES))
    return CompiledNet(genotype, config, graph, parameters, passes, True, 0, plain, arrays)


@settings(max_examples=40)
@given(
    genotype=genotypes(max_nodes=4, max_edges=3, zeros=True), config=networks(), batch=st.integers(1, 3),
    passes=st.sampled_from([(), PASSES, tuple(ALL_PASSES)]),
)  # fmt: skip
def test_agrees_with_the_reference(
    genotype: Genotype, config: NetworkConfig, batch: int, passes: tuple[str, ...]
) -> None:
    net = compiled(genotype, config, passes)
    plain = lower(genotype, config)
    image = random_image(plain, batch)
    expected = evaluate(plain, net.weights, image)["logits"]
    double = InferenceNet(net, dtype=torch.float64)(torch.from_numpy(image)).numpy()
    assert relative_error({"y": double}, {"y": expected}) < 1e-10
    single = InferenceNet(net)(torch.from_numpy(image.astype(np.float32))).numpy()
    assert relative_error({"y": single}, {"y": expected}) < 1e-4


def test_the_path_without_onednn(darts_v2: Genotype, monkeypatch: pytest.MonkeyPatch) -> None:
    net = compiled(darts_v2, NetworkConfig.make(channels=4, layers=3, input_size=(9, 11)), PASSES)
    image = torch.randn(2, 3, 9, 11)
    expected = InferenceNet(net)(image)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    torch.testing.assert_close(InferenceNet(net)(image), expected, rtol=1e-4, atol=1e-5)


def test_features_are_released(darts_v2: Genotype) -> None:
    """After a run only the logits are left, so that memory follows the liveness that `count` reports."""
    net = InferenceNet(compiled(darts_v2, NetworkConfig.make(channels=4, layers=3), PASSES))
    values: list[object] = [None] * len(net._slots)
    values[0] = torch.randn(1, 32, 32, 3)
    for step in net._steps:
        step(values)
    assert [slot for slot, value in enumerate(values) if value is not None] == [net._output]


def test_the_image_is_not_touched() -> None:
    """A ReLU overwrites what it alone reads, but never the caller's image or a part of a shared value."""
    b = GraphBuilder()
    b.add("image", Input(4, 2, 2))
    b.add("part", Slice(0, 2), "image")
    b.add("relu", Relu(), "part")
    net = InferenceNet(_of(b, "relu"))
    image = torch.randn(1, 4, 2, 2)
    before = image.clone()
    torch.testing.assert_close(net(image), before[:, :2].relu().permute(0, 2, 3, 1))
    torch.testing.assert_close(image, before)


def test_deployment_options() -> None:
    b = GraphBuilder()
    b.add("image", Input(3, 2, 2, dtype="uint8"))
    b.add("normal", Normalize((0.5, 0.4, 0.3), (0.2, 0.3, 0.4), 1 / 255), "image")
    b.add("softmax", Softmax(), "normal")
    image = torch.randint(256, (2, 3, 2, 2), dtype=torch.uint8)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.5, 0.4, 0.3), (0.2, 0.3, 0.4)))
    found = InferenceNet(_of(b, "normal"))(image)
    torch.testing.assert_close(found.permute(0, 3, 1, 2), (image / 255 - mean) / std)


def test_training_primitives_are_refused() -> None:
    b = GraphBuilder()
    b.add("image", Input(1, 2, 2))
    b.add("drop", DropPath(), "image")
    with pytest.raises(TargetError, match="drop: drop path exists in training only"):
        InferenceNet(_of(b, "drop"))


def _of(b: GraphBuilder, output: str) -> CompiledNet:
    genotype = Genotype.from_dict(
        {"name": "x", "cells": {"normal": {"nodes": [[{"op": "skip_connect", "from": 0}]], "concat": [2]}}}
    )
    graph = b.build(y=output)
    return CompiledNet(genotype, NetworkConfig(), graph, Parameters({}), (), False, 0, graph, {})
