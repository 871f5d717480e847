"""Growing: what a larger net takes over from a smaller one."""

from __future__ import annotations

import torch
from torch import nn

from genocc.searchers.growing import carry_state, carry_weights, grown
from genocc.searchers.interface import DataShape
from genocc.searchers.supernet.net import SuperNet
from tests.searchers.small import small


def test_new_channels_are_copies_of_earlier_ones_in_every_dimension() -> None:
    kernel = torch.arange(6.0).view(2, 3)
    assert grown(kernel, (2, 3)).equal(kernel)
    assert grown(kernel, (3, 5)).tolist() == [[0, 1, 2, 0, 1], [3, 4, 5, 3, 4], [0, 1, 2, 0, 1]]
    assert grown(torch.tensor(7.0), ()).item() == 7


def test_a_net_that_has_not_grown_computes_the_same() -> None:
    first, second = (SuperNet(small("darts", f"seed={seed}"), DataShape(10, 3, (8, 8))).eval() for seed in (0, 1))
    images = torch.rand(4, 3, 8, 8)
    second.relaxation.load_state_dict(first.relaxation.state_dict())
    assert not torch.equal(first(images), second(images))
    carry_weights(first, second)
    assert torch.equal(first(images), second(images))


def test_momenta_grow_with_their_parameters_and_counts_stay() -> None:
    def stepped(size: int, kind: type[torch.optim.Optimizer], steps: int) -> tuple[nn.Module, torch.optim.Optimizer]:
        net = nn.Linear(size, 2)
        optimizer = kind(net.parameters(), **({"momentum": 0.9} if kind is torch.optim.SGD else {}))
        for number in range(steps):
            optimizer.zero_grad()
            (net(torch.ones(1, size)).sum() * number).backward()
            optimizer.step()
        return net, optimizer

    for kind in (torch.optim.SGD, torch.optim.Adam):
        (small_net, old), (large, new) = stepped(2, kind, 3), stepped(3, kind, 0)
        carry_state(small_net, old, large, new)
        for name, parameter in large.named_parameters():
            before = old.state[small_net.get_parameter(name)]
            for key, value in new.state[parameter].items():
                if key == "step":
                    assert value == 3
                else:
                    assert value.equal(grown(before[key], parameter.shape)), (name, key)
