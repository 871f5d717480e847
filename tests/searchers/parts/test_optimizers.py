"""Optimizers: SGD on a cosine for the weights, Adam for the architecture."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genocc.searchers.parts.optimizers import ArchitectureConfig, WeightsConfig


def test_the_rate_of_darts_is_a_cosine_from_first_to_last() -> None:
    weights = WeightsConfig()
    rates = [weights.rate(epoch, 50) for epoch in range(51)]
    assert rates[0] == 0.025
    assert rates[25] == pytest.approx((0.025 + 0.001) / 2)
    assert rates[50] == pytest.approx(0.001)
    assert rates == sorted(rates, reverse=True)


@given(st.integers(1, 400), st.data(), st.floats(1e-3, 1), st.floats(0, 1e-3))
def test_the_rate_is_half_a_turn_of_a_cosine(epochs: int, data: st.DataObject, first: float, last: float) -> None:
    epoch = data.draw(st.integers(0, epochs))
    weights = WeightsConfig(learning_rate=first, learning_rate_end=last)
    expected = last + (first - last) * math.cos(math.pi * epoch / epochs / 2) ** 2
    assert weights.rate(epoch, epochs) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_w_gets_sgd_and_the_architecture_adam_with_their_settings() -> None:
    parameter = torch.nn.Parameter(torch.ones(2))
    sgd = WeightsConfig(learning_rate=0.1, momentum=0.8, weight_decay=1e-2).optimizer([parameter])
    assert isinstance(sgd, torch.optim.SGD)
    assert {name: sgd.defaults[name] for name in ("lr", "momentum", "weight_decay", "nesterov", "dampening")} == {
        "lr": 0.1, "momentum": 0.8, "weight_decay": 1e-2, "nesterov": False, "dampening": 0
    }  # fmt: skip
    adam = ArchitectureConfig(learning_rate=6e-4, betas=(0.4, 0.99)).optimizer([parameter])
    assert isinstance(adam, torch.optim.Adam)
    assert {name: adam.defaults[name] for name in ("lr", "betas", "weight_decay", "amsgrad")} == {
        "lr": 6e-4, "betas": (0.4, 0.99), "weight_decay": 1e-3, "amsgrad": False
    }  # fmt: skip
    assert sgd.param_groups[0]["params"][0] is adam.param_groups[0]["params"][0] is parameter
