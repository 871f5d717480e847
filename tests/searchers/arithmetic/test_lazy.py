"""Every candidate operation in a super-net against its recipe's primitives, in training and in inference."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, distributed

from genocc.graph import Graph, GraphBuilder
from genocc.nn.primitives import BatchNorm2d
from genocc.operations import OPERATIONS
from genocc.primitives import Conv2d, Input
from genocc.searchers.arithmetic import features
from genocc.searchers.arithmetic.features import CellState, Feature, combine
from genocc.searchers.arithmetic.lazy import OperationModule, SuperNetBlock, together
from genocc.searchers.arithmetic.maps import fold, unfold
from tests import reference
from tests.nn.strided_gradients import StridedGradients

NAMES = [name for name in OPERATIONS if name != "none"]


def graph_of(name: str, channels: int, stride: int, size: int) -> Graph:
    builder = GraphBuilder()
    x = builder.add("x", Input(channels, size, size))
    return builder.build(y=OPERATIONS[name].lower(SuperNetBlock(builder, f"cells.0.{name}", channels), x, stride))


def module_of(graph: Graph, name: str) -> tuple[OperationModule, dict[str, np.ndarray]]:
    arrays = reference.random_parameters(graph)
    return OperationModule(graph, arrays, f"cells.0.{name}").double(), arrays


def as_batch(feature: Feature) -> Tensor:
    return unfold(feature.computed())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [8, 7])
@pytest.mark.parametrize("training", [True, False])
def test_an_operation_is_its_recipe(name: str, stride: int, size: int, training: bool) -> None:
    graph = graph_of(name, 4, stride, size)
    module, arrays = module_of(graph, name)
    module.train(training)
    image = reference.random_image(graph, batch=6)
    expected = reference.evaluate(graph, arrays, image, training=training)["y"]
    with torch.no_grad():
        found = as_batch(module(CellState(fold(torch.from_numpy(image), 4)))).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_operations_side_by_side_share_the_exchanges_of_their_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "max_pool_3x3"]
    graphs = {name: graph_of(name, 4, 1, 8) for name in names}
    state = CellState(fold(torch.from_numpy(reference.random_image(graphs[names[0]], batch=6)), 4))
    modules = [module_of(graph, name)[0] for name, graph in graphs.items()]
    alone = [copy.deepcopy(module)(state).computed() for module in modules]
    exchanged: list[int] = []
    monkeypatch.setattr(features, "mean_over_processes", lambda *them: (exchanged.append(len(them)), them)[1])
    monkeypatch.setattr(distributed, "get_world_size", lambda: 2)
    for norm in (part for module in modules for part in module.modules() if isinstance(part, BatchNorm2d)):
        norm.synchronized = True
    found = together(modules, state)
    assert len(exchanged) == 1, "both separable convolutions are half done"
    features.normalize(found)
    assert len(exchanged) == 3, "of three 1x1 convolutions, and of a pool"
    for feature, expected in zip(found, alone, strict=True):
        torch.testing.assert_close(feature.computed(), expected)


@pytest.mark.parametrize("name", NAMES)
def test_no_scale_or_shift_anywhere_and_bn_behind_pools(name: str) -> None:
    text = str(graph_of(name, 4, 2, 8))
    assert text.count("batch_norm") == text.count("affine=False")
    assert text.count("batch_norm") == (2 if name.startswith("sep") else 1)


def test_running_statistics_move_once_a_forward_pass_however_many_nodes_read_a_feature() -> None:
    graph = graph_of("sep_conv_3x3", 4, 1, 8)
    module, arrays = module_of(graph, "sep_conv_3x3")
    image = reference.random_image(graph, batch=6)
    feature = module(CellState(fold(torch.from_numpy(image), 4)))
    values = reference.evaluate_all(graph, arrays, image, training=True)
    for _ in range(3):
        combine([feature], torch.ones(1, dtype=torch.float64))
    before_bn = values["cells.0.sep_conv_3x3.pw2"]
    mean, variance = before_bn.mean((0, 2, 3)), before_bn.var((0, 2, 3), ddof=1)
    old_mean, old_variance = (arrays[f"cells.0.sep_conv_3x3.bn2.running_{what}"] for what in ("mean", "var"))
    np.testing.assert_allclose(module.bn2.running_mean, 0.9 * old_mean + 0.1 * mean)
    np.testing.assert_allclose(module.bn2.running_var, 0.9 * old_variance + 0.1 * variance)


def test_a_relu_and_a_thinned_state_are_computed_once() -> None:
    state = CellState(fold(torch.randn(4, 4, 6, 6), 4))
    for name in ("sep_conv_3x3", "dil_conv_3x3", "conv_1x1"):
        module_of(graph_of(name, 4, 2, 6), name)[0].float()(state)
    assert set(state._known) == {"rectified"}
    assert set(state.rectified._known) == {"thinned"}


@pytest.mark.parametrize("own", [{"bias": True}, {"groups": 2}, {"pads": (1, 1, 1, 1)}])
def test_no_1x1_convolution_with_a_stride_leaves_its_weight_gradient_to_pytorch(own: dict[str, Any]) -> None:
    """Those of DARTS' recipes are products; operations of other packages may have any."""
    builder = GraphBuilder()
    x = builder.add("x", Input(4, 8, 8))
    graph = builder.build(y=builder.add("cells.0.op.conv", Conv2d(6, (1, 1), (2, 2), **own), x))
    arrays = reference.random_parameters(graph)
    module = OperationModule(graph, arrays, "cells.0.op").double()
    image = reference.random_image(graph, batch=3)
    with StridedGradients() as gradients:
        found = as_batch(module(CellState(fold(torch.from_numpy(image), 4))))
        found.square().sum().backward()
    assert gradients.strided == []
    expected = reference.evaluate(graph, arrays, image, training=True)["y"]
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-9, atol=1e-9)
