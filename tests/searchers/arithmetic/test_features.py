"""Features: BN(W z), BN(z) and z that are never computed, against the same computed pixel by pixel."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from genocc.nn.primitives import BatchNorm2d
from genocc.searchers.arithmetic.features import CellState, Feature, Product, combine, normalize

KINDS = ("plain", "normalized", "pointwise")
WIDTH = 4


def feature_of(kind: str, seed: int, *, width: int = WIDTH, inner: int = 3) -> Feature:
    """A feature of 2 x 3 maps of 5 x 4 pixels, in float64."""
    generator = torch.Generator().manual_seed(seed)
    channels = inner if kind == "pointwise" else width
    map = torch.randn(2, 5, 4, 3, channels, dtype=torch.float64, generator=generator)
    if kind == "plain":
        return Feature(map)
    norm = BatchNorm2d(width, affine=False).double()
    assert norm.running_mean is not None
    norm.running_mean.normal_(generator=generator)
    weight = torch.randn(width, inner, dtype=torch.float64, generator=generator) if kind == "pointwise" else None
    return Feature(map, weight, norm)


def expected(feature: Feature, *, training: bool = True) -> Tensor:
    """Its map (.., C) by PyTorch's own convolution and BN, of the map as a batch."""
    batch, height, width, folded, channels = feature.map.shape
    x = feature.map.permute(0, 3, 4, 1, 2).reshape(batch * folded, channels, height, width)
    if feature.weight is not None:
        x = functional.conv2d(x, feature.weight[:, :, None, None])
    if feature.norm is not None:
        norm = feature.norm
        assert norm.running_mean is not None
        assert norm.running_var is not None
        statistics = (norm.running_mean.clone(), norm.running_var.clone())
        x = functional.batch_norm(x, *statistics, training=training, momentum=norm.momentum, eps=norm.eps)
    return x.reshape(batch, folded, -1, height, width).permute(0, 3, 4, 1, 2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("training", [True, False])
def test_a_feature_is_what_its_convolution_and_bn_give(kind: str, training: bool) -> None:
    feature = feature_of(kind, 1)
    assert feature.kind == kind
    if feature.norm is not None:
        feature.norm.train(training)
    wanted = expected(feature, training=training)
    torch.testing.assert_close(feature.computed(), wanted)


@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=6), st.integers(0, 100))
def test_combine_is_the_weighted_sum_in_any_order_of_kinds(kinds: list[str], seed: int) -> None:
    features = [feature_of(kind, seed + number, inner=3) for number, kind in enumerate(kinds)]
    coefficients = torch.rand(len(kinds), dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    wanted = sum(c * expected(feature) for c, feature in zip(coefficients, features, strict=True))
    torch.testing.assert_close(combine(features, coefficients), wanted)


@pytest.mark.parametrize("kind", ["normalized", "pointwise"])
def test_gradients_are_those_of_convolution_and_bn(kind: str) -> None:
    gradients = []
    for function in (lambda f, c: combine([f, f], c), lambda f, c: c.sum() * expected(f)):
        feature = feature_of(kind, 3)
        leaves = [feature.map.requires_grad_()]
        if feature.weight is not None:
            leaves.append(feature.weight.requires_grad_())
        coefficients = torch.tensor([0.3, 0.5], dtype=torch.float64, requires_grad=True)
        result = function(feature, coefficients)
        weights = torch.randn(result.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(8))
        gradients.append(torch.autograd.grad((result * weights).sum(), (*leaves, coefficients)))
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("kind", ["normalized", "pointwise"])
def test_running_statistics_move_once_as_pytorch_moves_them(kind: str) -> None:
    feature = feature_of(kind, 5)
    norm = feature.norm
    assert norm is not None
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean, variance = norm.running_mean.clone(), norm.running_var.clone()
    plain = Feature(feature.map, feature.weight)
    x = plain.map if plain.weight is None else plain.map @ plain.weight.mT
    functional.batch_norm(x.reshape(-1, WIDTH), mean, variance, training=True, momentum=0.1)
    for _ in range(3):
        normalize([feature, feature])
    torch.testing.assert_close(norm.running_mean, mean)
    torch.testing.assert_close(norm.running_var, variance)


def test_features_of_different_shapes_are_normalized_together() -> None:
    features = [
        feature_of("pointwise", 1),
        feature_of("normalized", 2),
        feature_of("pointwise", 3, inner=4),
        feature_of("pointwise", 4),
        feature_of("plain", 5),
    ]
    wanted = [expected(feature) for feature in features]
    normalize(features)
    assert all(feature.normalized for feature in features)
    for feature, map in zip(features, wanted, strict=True):
        torch.testing.assert_close(feature.computed(), map)


def test_a_state_computes_once_what_its_readers_share() -> None:
    map = torch.randn(2, 5, 4, 3, 6)
    state, calls = CellState(map), []
    for _ in range(2):
        assert state.once("double", lambda map: calls.append(1) or 2 * map).equal(2 * map)  # type: ignore[func-returns-value]
    assert calls == [1]
    assert state.rectified is state.rectified
    assert torch.equal(state.rectified.map, map.clamp(min=0))
    assert torch.equal(state.thinned.map, map[:, [0, 2, 4]][:, :, [0, 2]])
    assert state.thinned.map.is_contiguous()


def test_a_product_is_a_1x1_convolution() -> None:
    map, weight = torch.randn(2, 5, 4, 3, 6, dtype=torch.float64), torch.randn(7, 6, dtype=torch.float64)
    torch.testing.assert_close(Product(map, weight).computed(), torch.einsum("bhwfi,oi->bhwfo", map, weight))
