"""What searches and trainings share, against formulas: SGD, its cosine, the loss, the precision, the check for NaN."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR

from genocc.training.optimization import (
    KEPT,
    SgdConfig,
    all_finite,
    autocast,
    classification_loss,
    half_cosine,
    optimizer_state,
    restore,
)

CPU = torch.device("cpu")


def test_a_step_has_momentum_and_decay_as_configured() -> None:
    config = SgdConfig(learning_rate=0.1, momentum=0.5, weight_decay=0.2)
    w = torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    optimizer = config.optimizer([w])
    expected, velocity = w.detach().clone(), torch.zeros(2, dtype=torch.float64)
    for gradient in (torch.tensor([3.0, 1.0], dtype=torch.float64), torch.tensor([-1.0, 2.0], dtype=torch.float64)):
        w.grad = gradient
        optimizer.step()
        velocity = 0.5 * velocity + gradient + 0.2 * expected
        expected = expected - 0.1 * velocity
    torch.testing.assert_close(w.detach(), expected)


def stepped() -> torch.optim.SGD:
    parameters = [torch.nn.Parameter(torch.ones(2, 3)), torch.nn.Parameter(torch.ones(4))]
    optimizer = SgdConfig().optimizer(parameters)
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    return optimizer


def named(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    return dict(zip(("first", "second"), optimizer.param_groups[0]["params"], strict=True))


def test_the_state_of_an_optimizer_is_put_back() -> None:
    old, new = stepped(), stepped()
    old.step()
    restore(new, optimizer_state(old), named(new))
    assert new.state_dict()["state"][0]["momentum_buffer"].equal(old.state_dict()["state"][0]["momentum_buffer"])


@pytest.mark.parametrize("damage", ["shape", "text", "missing", "setting", "group"])
def test_the_damaged_state_of_an_optimizer_is_refused(damage: str) -> None:
    state = optimizer_state(stepped())
    if damage == "shape":
        state["state"][0]["momentum_buffer"] = torch.ones(5)
    elif damage == "text":
        state["state"][0]["momentum_buffer"] = "x"
    elif damage == "missing":
        del state["state"][1]["momentum_buffer"]
    elif damage == "setting":
        state["param_groups"][0]["lr"] = "0.1"
    else:
        del state["param_groups"][0]["momentum"]
    with pytest.raises((ValueError, KeyError)):
        restore(new := stepped(), state, named(new))


def test_what_is_missing_in_the_state_of_an_optimizer_is_named() -> None:
    for damage in (lambda state: state.pop(1), lambda state: state.clear()):
        state = optimizer_state(stepped())
        damage(state["state"])
        first = "second" if state["state"] else "first"
        with pytest.raises(ValueError, match=f"an optimizer that keeps nothing for {first}$"):
            restore(new := stepped(), state, named(new))
        del state[KEPT]  # as an older version writes it
        with pytest.raises(ValueError, match=f"an optimizer that keeps nothing for {first}$"):
            restore(new := stepped(), state, named(new), all_moved=True)


def test_parameters_that_no_step_has_moved_need_nothing_kept() -> None:
    fresh = SgdConfig().optimizer([torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.ones(4))])
    restore(fresh, optimizer_state(fresh), named(fresh))
    fresh.param_groups[0]["params"][1].grad = torch.ones(4)
    fresh.step()
    assert optimizer_state(fresh)[KEPT] == [1]
    restore(fresh, optimizer_state(fresh), named(fresh))


def test_the_cosine_goes_from_the_learning_rate_to_the_one_of_the_end() -> None:
    """As torch's scheduler without restarts."""
    config = SgdConfig(learning_rate=0.2, learning_rate_end=0.05)
    scheduler = CosineAnnealingLR(config.optimizer([torch.nn.Parameter(torch.zeros(1))]), 10, eta_min=0.05)
    for epoch in range(11):
        assert config.decayed(half_cosine(math.pi * epoch / 10)) == pytest.approx(scheduler.get_last_lr()[0])
        scheduler.optimizer.step()
        scheduler.step()
    assert (half_cosine(0), half_cosine(math.pi)) == (1, 0)
    assert (config.decayed(1), config.decayed(0)) == pytest.approx((0.2, 0.05))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_is_the_smoothed_cross_entropy(smoothing: float) -> None:
    logits = torch.randn(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 3, 1, 2, 2])
    target = torch.full_like(logits, smoothing / 4)
    target[torch.arange(5), labels] += 1 - smoothing
    expected = -(target * (logits - logits.exp().sum(1, keepdim=True).log())).sum(1).mean()
    torch.testing.assert_close(classification_loss(logits, labels, smoothing), expected)


@pytest.mark.parametrize("low", [torch.bfloat16, torch.float16])
def test_the_loss_of_low_precision_is_computed_in_float32(low: torch.dtype) -> None:
    logits = (8 * torch.randn(64, 10, generator=torch.Generator().manual_seed(0))).to(low)
    labels = torch.arange(64) % 10
    found = classification_loss(logits, labels)
    assert found.dtype == torch.float32
    assert torch.equal(found, classification_loss(logits.float(), labels))


@pytest.mark.parametrize(
    ("precision", "expected"),
    [("float32", torch.float32), ("float64", torch.float32), ("bfloat16", torch.bfloat16), ("float16", torch.float16)],
)
def test_features_are_computed_in_the_precision_and_weights_keep_theirs(precision: str, expected: torch.dtype) -> None:
    layer = torch.nn.Linear(3, 2)
    with autocast(precision, CPU):
        assert layer(torch.ones(1, 3)).dtype == expected
    assert layer.weight.dtype == torch.float32


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_one_value_that_is_not_finite_is_found(value: float) -> None:
    whole = [torch.zeros(3), torch.tensor(7), torch.zeros(0), torch.zeros(2, dtype=torch.bfloat16)]
    assert all_finite(whole)
    for number in (0, 3):
        spoilt: list[Tensor] = [tensor.clone() for tensor in whole]
        spoilt[number][-1] = value
        assert not all_finite(spoilt)
