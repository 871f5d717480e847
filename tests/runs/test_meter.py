"""Means over batches of different sizes are means over images."""

import pytest
import torch

from genocc.runs.meter import Meter


def test_batches_count_by_their_images() -> None:
    meter = Meter(torch.device("cpu"))
    assert meter.read() == {}
    meter.add(torch.tensor(1.0), torch.tensor([[2.0, 1.0], [0.0, 1.0], [3.0, 0.0]]), torch.tensor([0, 0, 0]))
    meter.add(torch.tensor(5.0), torch.tensor([[0.0, 1.0]]), torch.tensor([1]))
    assert meter.read() == pytest.approx({"loss": (3 * 1.0 + 5.0) / 4, "accuracy": 3 / 4})
    meter.clear()
    assert meter.read() == {}


def test_small_losses_are_not_lost_in_large_sums() -> None:
    """Sums are float64: in float32 a thousand losses of 1e-5 would vanish beside 1e4."""
    meter = Meter(torch.device("cpu"))
    logits, labels = torch.tensor([[1.0, 0.0]]), torch.tensor([0])
    for loss in [1e4, *[1e-5] * 1000]:
        meter.add(torch.tensor(loss), logits, labels)
    assert float(meter.sums[0]) - 1e4 == pytest.approx(1e-2, rel=1e-4)


def test_no_gradient_is_kept() -> None:
    meter = Meter(torch.device("cpu"))
    loss = torch.tensor(2.0, requires_grad=True) * 3
    meter.add(loss, torch.zeros(1, 2, requires_grad=True), torch.tensor([0]))
    assert not meter.sums.requires_grad
