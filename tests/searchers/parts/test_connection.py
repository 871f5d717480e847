"""Partial channels and bottleneck by themselves."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from genocc.searchers.arithmetic.factory import ModuleFactory
from genocc.searchers.arithmetic.features import CellState
from genocc.searchers.arithmetic.maps import fold, unfold
from genocc.searchers.parts.connection import Bottleneck, Bypass, PartialChannels
from genocc.searchers.parts.space import SpaceConfig
from genocc.searchers.parts.topology import AllEdges


def shuffled(x: Tensor, groups: int) -> Tensor:
    """The channel shuffle as it is usually written: channel i of group g goes to place i * groups + g."""
    n, c, h, w = x.shape
    return x.view(n, groups, c // groups, h, w).transpose(1, 2).reshape(n, c, h, w)


@pytest.mark.parametrize("ratio", [2, 4])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [8, 7])
def test_bypassed_channels_arrive_unchanged_up_to_the_shuffle(ratio: int, stride: int, size: int) -> None:
    channels, images = PartialChannels(8, ratio), torch.randn(4, 8, size, size)
    active = 8 // ratio
    assert torch.equal(unfold(channels.source(0, CellState(fold(images, 8))).map), images[:, :active])
    past = images[:, active:] if stride == 1 else functional.max_pool2d(images[:, active:], 2, ceil_mode=True)
    summed = torch.zeros(4, active, *past.shape[2:])
    bypass = Bypass(CellState(fold(images, 8)), torch.tensor(1.0), stride)
    found = unfold(channels.node(2, fold(summed, 8), [bypass]))
    assert torch.equal(found, shuffled(torch.cat([summed, past], 1), ratio))


def test_a_node_of_partial_channels_is_the_shuffled_sum() -> None:
    channels = PartialChannels(8, 4).double()
    first, second = torch.randn(2, 2, 8, 5, 5, dtype=torch.float64)
    summed = torch.randn(2, 2, 5, 5, dtype=torch.float64)
    beta = torch.tensor([0.3, 0.7], dtype=torch.float64)
    bypasses = [Bypass(CellState(fold(x, 8)), b, 1) for x, b in zip((first, second), beta, strict=True)]
    found = unfold(channels.node(3, fold(summed, 8), bypasses))
    past = beta[0] * first[:, 2:] + beta[1] * second[:, 2:]
    torch.testing.assert_close(found, shuffled(torch.cat([summed, past], 1), 4))


def test_a_bottleneck_is_a_conv_and_bn_once_a_state_and_once_a_node() -> None:
    space = AllEdges().cell_space(SpaceConfig().operations)
    channels = Bottleneck(space, ModuleFactory(0, "cells.0"), 16, 4).double()
    assert channels.operated == 4
    assert set(channels.reduce) == {"0", "1", "2", "3", "4"}, "no edge leaves the last node"
    assert set(channels.recover) == {"2", "3", "4", "5"}
    images = torch.randn(4, 16, 5, 5, dtype=torch.float64)
    weight = channels.reduce["1"].conv.weight
    expected = functional.batch_norm(functional.conv2d(images, weight), None, None, training=True)
    torch.testing.assert_close(unfold(channels.source(1, CellState(fold(images, 4))).map), expected)
    summed = torch.randn(4, 4, 5, 5, dtype=torch.float64)
    weight = channels.recover["2"].conv.weight
    expected = functional.batch_norm(functional.conv2d(summed, weight), None, None, training=True)
    torch.testing.assert_close(unfold(channels.node(2, fold(summed, 4), [])), expected)
