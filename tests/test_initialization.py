"""Initial parameters: PyTorch's distributions, each tensor with a random stream of its own."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest
import torch
from scipy import stats

from genocc import Genotype, NetworkConfig, lower
from genocc.graph import Graph, GraphBuilder
from genocc.initialization import initialize
from genocc.primitives import BatchNorm, Conv2d, GlobalMean, Input, Linear

CONFIG = NetworkConfig.make(channels=4, layers=3)


def layers() -> Graph:
    b = GraphBuilder()
    x = b.add("image", Input(32, 4, 4))
    x = b.add("conv", Conv2d(64, (3, 3), groups=4, bias=True), x)
    x = b.add("mean", GlobalMean(), b.add("bn", BatchNorm(), x))
    return b.build(y=b.add("linear", Linear(500), x))


def test_shapes_and_names_are_those_of_the_graph(darts_v2: Genotype) -> None:
    graph = lower(darts_v2, CONFIG)
    arrays = initialize(graph)
    assert {name: array.shape for name, array in arrays.items()} == graph.parameters() | graph.buffers()
    assert {array.dtype for array in arrays.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("name", "module"),
    [("conv", lambda: torch.nn.Conv2d(32, 64, 3, groups=4)), ("linear", lambda: torch.nn.Linear(64, 500))],
)
@pytest.mark.parametrize("role", ["weight", "bias"])
def test_distributions_are_pytorchs(name: str, module: Callable[[], torch.nn.Module], role: str) -> None:
    """The test of Kolmogorov and Smirnov cannot tell a tensor from PyTorch's; the bound is 1/sqrt(fan-in)."""
    torch.manual_seed(0)
    theirs = module().get_parameter(role).detach().numpy().ravel()
    ours = initialize(layers(), seed=5)[f"{name}.{role}"].ravel()
    assert stats.ks_2samp(ours, theirs).pvalue > 0.001
    bound = 1 / sqrt(32 // 4 * 9 if name == "conv" else 64)
    assert 0.9 * bound < np.abs(ours).max() <= bound


def test_bn_starts_as_the_identity() -> None:
    arrays = initialize(layers())
    values = {role: set(arrays[f"bn.{role}"]) for role in ("weight", "bias", "running_mean", "running_var")}
    assert values == {"weight": {1}, "bias": {0}, "running_mean": {0}, "running_var": {1}}


def test_a_tensor_depends_on_the_seed_and_its_name_alone(darts_v2: Genotype) -> None:
    small = initialize(lower(darts_v2, CONFIG), seed=7)
    large = initialize(lower(darts_v2, CONFIG.model_copy(update={"auxiliary": True}), training=True), seed=7)
    assert small.keys() < large.keys()
    assert all(np.array_equal(array, large[name]) for name, array in small.items())
    other = initialize(lower(darts_v2, CONFIG), seed=8)
    drawn = [name for name in small if not np.array_equal(small[name], other[name])]
    assert drawn == [name for name in small if ".bn" not in name]
    assert len({small[name].tobytes() for name in drawn}) == len(drawn)


@pytest.mark.parametrize("seed", [-1, 2**63, 2**70])
def test_any_integer_is_a_seed(seed: int) -> None:
    assert np.array_equal(initialize(layers(), seed)["conv.bias"], initialize(layers(), seed)["conv.bias"])


def test_weights_of_a_seed_stay_the_same() -> None:
    """Written down when the test was: a seed stands for the same weights in every version."""
    np.testing.assert_allclose(initialize(layers(), seed=0)["linear.bias"][:4], GOLDEN, rtol=1e-6)


GOLDEN = [-0.029371187, 0.10504366, 0.086809516, -0.066599786]
