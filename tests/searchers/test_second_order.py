"""DARTS' second-order step against automatic differentiation through the virtual step."""

import pytest
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from genocc.searchers.second_order import second_order_gradient
from tests.searchers.tiny_net import TinyNet

LEARNING_RATE, MOMENTUM, DECAY = 0.3, 0.9, 0.05


def data(seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(16, 4, generator=generator, dtype=torch.float64), torch.randint(0, 3, (16,), generator=generator)


def loss(net: TinyNet, batch: tuple[Tensor, Tensor]) -> Tensor:
    return cross_entropy(net(batch[0]), batch[1])


def optimizer_of(net: TinyNet, *, steps: int) -> torch.optim.SGD:
    """An optimizer that has taken some steps, so that its buffers are not empty."""
    optimizer = torch.optim.SGD(net.weight_parameters(), LEARNING_RATE, MOMENTUM, weight_decay=DECAY)
    for number in range(steps):
        with net.training_only("weights"):
            loss(net, data(10 + number)).backward()
        optimizer.step()
        optimizer.zero_grad()
    return optimizer


def differentiated(net: TinyNet, optimizer: torch.optim.SGD, training: Tensor, validation: Tensor) -> Tensor:
    """The exact gradient: L_val at w' as a function of alpha, w' itself included."""
    names = {"first": net.first, "last": net.last}
    gradients = torch.autograd.grad(loss(net, training), list(names.values()), create_graph=True)
    moved = {}
    for (name, w), gradient in zip(names.items(), gradients, strict=True):
        buffer = optimizer.state[w].get("momentum_buffer", torch.zeros_like(w))
        moved[name] = w - LEARNING_RATE * (MOMENTUM * buffer + gradient + DECAY * w)
    logits = functional_call(net, moved, (validation[0],))
    (exact,) = torch.autograd.grad(cross_entropy(logits, validation[1]), net.alpha)
    return exact


def approximated(
    net: TinyNet, optimizer: torch.optim.SGD, training: Tensor, validation: Tensor, radius: float
) -> Tensor:
    net.alpha.grad = None
    second_order_gradient(
        net,
        validation_loss=lambda: loss(net, validation),
        training_loss=lambda: loss(net, training),
        optimizer=optimizer,
        radius=radius,
    )
    return net.alpha.grad.clone()


@pytest.mark.parametrize("steps", [0, 3])
def test_the_error_falls_as_the_square_of_the_radius(steps: int) -> None:
    net = TinyNet()
    optimizer = optimizer_of(net, steps=steps)
    exact = differentiated(net, optimizer, data(1), data(2))
    wide, narrow = (
        (approximated(net, optimizer, data(1), data(2), radius) - exact).norm() / exact.norm() for radius in (0.5, 0.05)
    )
    assert wide / narrow == pytest.approx(100, rel=0.1)
    at_default = approximated(net, optimizer, data(1), data(2), 0.01)
    torch.testing.assert_close(at_default, exact, rtol=1e-4, atol=0)


def test_it_differs_from_first_order_by_more_than_its_error() -> None:
    net = TinyNet()
    optimizer = optimizer_of(net, steps=3)
    (first,) = torch.autograd.grad(loss(net, data(2)), net.alpha)
    second = approximated(net, optimizer, data(1), data(2), 0.01)
    assert (first - second).norm() > 0.1 * second.norm()


def test_weights_buffers_and_momenta_end_as_they_began() -> None:
    net = TinyNet()
    optimizer = optimizer_of(net, steps=2)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    momenta = {w: optimizer.state[w]["momentum_buffer"].clone() for w in (net.first, net.last)}
    approximated(net, optimizer, data(1), data(2), 0.01)
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name]), name
    for w, momentum in momenta.items():
        assert torch.equal(optimizer.state[w]["momentum_buffer"], momentum)
    assert all(w.grad is None for w in net.weight_parameters())
    assert net.unused not in optimizer.state  # neither momentum nor decay touch what no step uses
