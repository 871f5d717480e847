"""The child net: BN estimated anew as PyTorch's own `update_bn` does it, and what multiplies its operations."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from genocc.nn.primitives import BatchNorm2d
from genocc.searchers.interface import DataShape, View
from genocc.searchers.parts.child import ChildConfig, child_route, reestimated
from genocc.searchers.supernet.net import SuperNet
from tests.searchers.small import small


def batches(number: int = 5, size: int = 8) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(6, 3, size, size, generator=generator) * (n + 1) + n for n in range(number)]


def state(net: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in net.state_dict().items()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(value, second[name]) for name, value in first.items())


def plain_net() -> nn.Module:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 1), nn.BatchNorm2d(5, momentum=None),
        nn.BatchNorm2d(5, affine=False, momentum=0.3), nn.BatchNorm2d(5, track_running_stats=False),
    )  # fmt: skip
    for images in batches(3):
        net(images / 9 - 4)
    return net


def test_statistics_are_those_of_pytorchs_update_bn() -> None:
    net = plain_net()
    expected = deepcopy(net)
    update_bn(batches(), expected)
    with reestimated(net, net, batches()):
        for name, value in net.state_dict().items():
            if "num_batches" not in name:
                torch.testing.assert_close(value, expected.state_dict()[name], rtol=1e-6, atol=1e-6)
        x = batches(6)[-1]
        torch.testing.assert_close(net.eval()(x), expected.eval()(x))


def test_afterwards_the_net_is_as_it_was_also_upon_an_exception() -> None:
    net = plain_net()
    before, momenta = state(net), [module.momentum for module in net if isinstance(module, nn.BatchNorm2d)]
    for training in (True, False):
        net.train(training)
        with reestimated(net, net, batches()):
            assert net.training is training
            assert not same(state(net), before)
        assert net.training is training
        assert same(state(net), before)

    def third_fails() -> None:
        raise RuntimeError("no third batch")

    def failing(images: Tensor) -> None:
        net(images)
        if images is given[2]:
            third_fails()

    given = batches()
    with pytest.raises(RuntimeError, match="no third batch"), reestimated(net, failing, given):
        raise AssertionError("not reached")
    with pytest.raises(KeyError), reestimated(net, net, given):
        raise KeyError
    assert same(state(net), before)
    assert [module.momentum for module in net if isinstance(module, nn.BatchNorm2d)] == momenta
    assert net.training is False


def test_no_batches_leave_the_statistics() -> None:
    net = plain_net()
    before = state(net)
    with reestimated(net, net, []):
        assert same(state(net), before)


def supernet(method: str, *overrides: str) -> SuperNet:
    torch.manual_seed(0)
    net = SuperNet(small(method, *overrides), DataShape(10, 3, (8, 8)))
    with torch.no_grad():
        for alphas in net.relaxation.parameters():
            alphas += torch.randn(alphas.shape, generator=torch.Generator().manual_seed(5)) / 2
    return net


@pytest.mark.parametrize("method", ["darts", "pc-darts", "entrannas-dst"])
def test_a_supernets_statistics_are_the_means_of_those_of_each_batch(method: str) -> None:
    """Its BN is not PyTorch's; each batch's own statistics come from a pass that forgets all before it."""
    net = supernet(method)
    route = child_route(net, ChildConfig())
    alone = []
    for images in batches():
        one = deepcopy(net)
        for module in one.modules():
            if isinstance(module, BatchNorm2d):
                module.momentum = 1.0
        one(images, route)
        alone.append(one.state_dict())
    before = net.state_dict()
    used = {name for name in before if "running" in name and not torch.equal(alone[0][name], alone[1][name])}
    assert used
    unused = {name for name in before if "running" in name} - used
    with reestimated(net, lambda images: net(images, route), batches()):
        now = net.state_dict()
        for name in used:
            expected = torch.stack([found[name] for found in alone]).mean(0)
            torch.testing.assert_close(now[name], expected, rtol=1e-5, atol=1e-6)
        for name in unused:
            assert (now[name] == ("var" in name)).all(), name


@pytest.mark.parametrize("method", ["darts", "pc-darts", "ec-darts"])
def test_where_all_cells_are_mixed_weights_multiply_all_operations_of_the_child(method: str) -> None:
    net, (x, *_) = supernet(method).eval(), batches()
    ones, weighted = (net(x, child_route(net, ChildConfig(coefficients=name))) for name in ("ones", "weights"))
    torch.testing.assert_close(ones, net(x, net.route(View.DERIVED)))
    torch.testing.assert_close(weighted, net(x, net.route(View.DERIVED, derived="weights")))
    assert not torch.allclose(ones, weighted, rtol=1e-3)


def test_transit_cells_of_a_weighted_child_have_ones() -> None:
    """Where nothing is left to cut, the weighted child of DST is the super-net itself."""
    net, (x, *_) = supernet("entrannas-dst", "supernet.layers=6").eval(), batches()
    assert {View.MIXED, View.DERIVED} == set(net.views)
    weighted = child_route(net, ChildConfig(coefficients="weights"))
    torch.testing.assert_close(net(x, weighted), net(x))
    assert not torch.allclose(net(x, child_route(net, ChildConfig())), net(x), rtol=1e-3)


def test_a_weighted_child_has_nothing_outside_its_mask() -> None:
    net = supernet("entrannas")
    route, masks = child_route(net, ChildConfig(coefficients="weights")), net.select()
    for kind, found in route.coefficients.items():
        assert ((found.op != 0) == masks[kind]).all()
        assert torch.equal(found.op[masks[kind]], net.frozen()[kind].op[masks[kind]])
