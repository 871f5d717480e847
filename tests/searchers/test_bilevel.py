"""The steps of a bi-level search, against plain transcriptions of the papers' equations."""

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import update_bn

from genocc.searchers.bilevel import Bilevel
from genocc.searchers.interface import Route, View
from tests.searchers.tiny_net import TinyNet, bilevel, moved, tiny, values


def test_a_weight_step_is_clipped_sgd_with_momentum_and_decay_and_moves_nothing_else() -> None:
    search = bilevel("darts", "weights.clip=0.05")
    net = tiny(search)
    buffers: dict[str, Tensor] = {}
    for number in range(3):
        before = values(search)
        x, y = search.training[number]
        names = ("first", "last")
        gradients = torch.autograd.grad(cross_entropy(net(x), y), [net.get_parameter(name) for name in names])
        norm = math.sqrt(sum(float((g**2).sum()) for g in gradients))
        assert norm > 0.05
        search.weight_step()
        for name, gradient in zip(names, gradients, strict=True):
            direction = gradient * 0.05 / (norm + 1e-6) + 3e-4 * before[name]
            buffers[name] = 0.9 * buffers[name] + direction if number else direction
            torch.testing.assert_close(net.get_parameter(name).detach(), before[name] - 0.025 * buffers[name])
        assert moved(before, search) == {"first", "last", "passes"}
        assert net.alpha.grad is None
        assert net.unused.grad is None


def test_an_architecture_step_is_adam_with_decay_on_the_validation_half_and_moves_nothing_else() -> None:
    search = bilevel("darts")
    net = tiny(search)
    first, second = torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    for number in range(3):
        before = values(search)
        x, y = search.validation[number]
        (gradient,) = torch.autograd.grad(cross_entropy(net(x), y), net.alpha)
        gradient = gradient + 1e-3 * before["alpha"]
        first, second = 0.5 * first + 0.5 * gradient, 0.999 * second + 0.001 * gradient**2
        rate = 3e-4 / (1 - 0.5 ** (number + 1))
        root = (second / (1 - 0.999 ** (number + 1))).sqrt()
        search.architecture_step()
        torch.testing.assert_close(net.alpha.detach(), before["alpha"] - rate * first / (root + 1e-8))
        assert moved(before, search) == {"alpha", "passes"}
        assert all(w.grad is None for w in net.weight_parameters())


def test_the_learning_rate_follows_a_cosine_and_annealing_the_epochs() -> None:
    search = bilevel("darts")
    for epoch, expected in ((0, 0.025), (25, 0.013), (49, 0.001 + 0.024 * (1 + math.cos(math.pi * 49 / 50)) / 2)):
        search.begin_epoch(epoch)
        assert search.numbers()["learning_rates"]["weights"] == pytest.approx(expected)
        assert search.numbers()["learning_rates"]["architecture"] == 3e-4
        assert search.net.progress == epoch / 50


def test_the_second_order_step_looks_ahead_to_the_weight_step_that_follows() -> None:
    """With the weights' rate at zero nothing is ahead; else the batch of the coming weight step decides."""
    search = bilevel("darts", "schedule.order=2", "weights.learning_rate=0.3")
    net = tiny(search)
    search.weight_step()
    before, (x, y), (vx, vy) = values(search), search.training[1], search.validation[0]
    momentum = search.weights_optimizer.state[net.first]["momentum_buffer"].clone()
    gradients = torch.autograd.grad(cross_entropy(net(x), y), [net.first, net.last], create_graph=True)
    buffers = [search.weights_optimizer.state[w]["momentum_buffer"] for w in (net.first, net.last)]
    ahead = [
        w - 0.3 * (0.9 * buffer + g + 3e-4 * w)
        for w, g, buffer in zip((net.first, net.last), gradients, buffers, strict=True)
    ]
    logits = torch.func.functional_call(net, {"first": ahead[0], "last": ahead[1]}, (vx,))
    (exact,) = torch.autograd.grad(cross_entropy(logits, vy), net.alpha)
    net.load_state_dict(before)
    search.architecture_step()
    torch.testing.assert_close(net.alpha.grad, exact, rtol=1e-4, atol=1e-9)
    assert torch.equal(search.weights_optimizer.state[net.first]["momentum_buffer"], momentum)
    assert moved(before, search) == {"alpha"}


@pytest.mark.parametrize(("accuracy", "kept"), [(0.5, True), (0.25, False), (0.4, False), (0.41, True)])
def test_ist_keeps_the_auxiliary_steps_only_if_their_accuracy_is_the_best(accuracy: float, kept: bool) -> None:
    """With 0.4 as the best so far: weights, BN statistics and momenta return, the architecture never does."""
    search = bilevel("ec-darts")
    search.best_auxiliary_accuracy = 0.4
    search.begin_epoch(3)
    search.weight_step()
    before, momentum = values(search), search.weights_optimizer.state[tiny(search).last]["momentum_buffer"].clone()
    search.begin_transition()
    search.weight_step(auxiliary=True)
    auxiliary = values(search)
    assert search.transition is not None
    search.transition.accuracy = accuracy
    search.architecture_step()
    search.keep_if_best()
    assert search.transition.kept is kept
    assert search.best_auxiliary_accuracy == (accuracy if kept else 0.4)
    if kept:
        assert moved(auxiliary, search) == {"alpha", "passes"}  # the architecture step moved them
    else:
        assert moved(before, search) == {"alpha"}
        assert torch.equal(search.weights_optimizer.state[tiny(search).last]["momentum_buffer"], momentum)


def test_ist_trains_the_derived_model_on_shared_weights_through_the_frozen_alpha_star() -> None:
    search = bilevel("ec-darts")
    net = tiny(search)
    search.begin_epoch(0)
    search.begin_transition()
    with torch.no_grad():
        net.alpha += torch.tensor([-3.0, 2.0, 5.0])  # alpha* stays what it was
    assert search.transition is not None
    frozen, masks = search.transition.coefficients["normal"].op.clone(), search.transition.masks["normal"].clone()
    before = values(search)
    net.routes.clear()
    search.weight_step(auxiliary=True)
    (route,) = net.routes
    assert route is not None
    assert set(route.views) == {View.DERIVED}
    assert route.derived == "weights"
    assert torch.equal(route.coefficients["normal"].op, frozen)
    assert torch.equal(route.masks["normal"], masks)
    used = int(masks[0].nonzero())
    for k in range(3):
        if k != used:  # only by decay, which is the same for all that one parameter holds
            torch.testing.assert_close(net.first[k].detach(), before["first"][k] * (1 - 0.025 * 3e-4))
    assert not torch.allclose(net.first[used].detach(), before["first"][used] * (1 - 0.025 * 3e-4))


def test_ist_judges_on_the_whole_validation_half_without_training() -> None:
    search = bilevel("ec-darts")
    search.begin_transition()
    before = values(search)
    search.judge_transition()
    assert moved(before, search) == set()
    net, batch = tiny(search), search.validation
    assert search.transition is not None
    with torch.no_grad():
        net.eval()
        route = net.route(View.DERIVED, masks=search.transition.masks, derived="weights")
        correct = sum(int((net(x, route).argmax(1) == y).sum()) for x, y in batch.in_order(48))
    assert search.transition.accuracy == correct / 48


class NormalizedNet(TinyNet):
    """A `TinyNet` of normalized features."""

    def __init__(self) -> None:
        super().__init__(features=12)
        self.norm = nn.BatchNorm1d(12, dtype=torch.float64)

    def forward(self, images: Tensor, route: Route | None = None) -> Tensor:
        return super().forward(self.norm(images.flatten(1).double()), route)


def normalized(batches: int) -> tuple[Bilevel, NormalizedNet]:
    search = bilevel("ec-darts", f"child.batches={batches}")
    net = NormalizedNet()
    return Bilevel(net, search.config, search.training, search.validation), net


@pytest.mark.parametrize(("batches", "used"), [(2, 2), (99, 6), (0, 0)])
def test_child_and_auxiliary_model_are_judged_with_bn_estimated_on_the_training_half(batches: int, used: int) -> None:
    search, net = normalized(batches)
    for _ in range(3):
        search.weight_step()
    before, position = values(search), search.state()["drawn"]
    random = torch.get_rng_state()
    search.begin_transition()
    search.judge_transition()
    found = search.child_accuracy()
    assert moved(before, search) == set()
    assert search.state()["drawn"] == position
    assert torch.equal(torch.get_rng_state(), random)
    assert net.norm.momentum == 0.1
    assert net.training
    assert search.transition is not None

    route, weighted = net.route(View.DERIVED), net.route(View.DERIVED, derived="weights")
    assert found["child_accuracy_stale"] == search.accuracy(route)
    other = search.training.stream_of("child")
    expected = NormalizedNet()
    expected.load_state_dict(net.state_dict())
    if used:
        update_bn([other[number][0].flatten(1).double() for number in range(used)], expected.norm)
    judge = Bilevel(expected, search.config, search.training, search.validation)
    assert found["child_accuracy"] == judge.accuracy(route)
    assert search.transition.accuracy == judge.accuracy(weighted)
    if used:
        images = next(iter(search.validation.in_order(48)))[0]
        assert not torch.equal(net.eval()(images, route), expected.eval()(images, route))


@pytest.mark.parametrize("method", ["darts", "edarts", "ec-darts"])
def test_a_state_puts_everything_back_in_the_middle_of_an_epoch(method: str) -> None:
    def steps(search: Bilevel) -> Iterator[None]:
        for epoch in range(2):
            search.begin_epoch(epoch)
            for phase in search.config.schedule.phases(epoch, len(search.training), len(search.validation)):
                for _ in range(phase.steps):
                    phase.step(search)
                    yield
            search.end_epoch()

    whole = bilevel(method)
    for _ in steps(whole):
        pass
    total = sum(1 for _ in steps(bilevel(method)))
    for cut in range(1, total, 4):
        first, second = bilevel(method), bilevel(method)
        running = steps(first)
        for _ in range(cut):
            next(running)
        second.load_state(first.state())
        done = 0
        for epoch in range(2):
            second.begin_epoch(epoch)
            for phase in second.config.schedule.phases(epoch, len(second.training), len(second.validation)):
                for _ in range(phase.steps):
                    done += 1
                    if done > cut:
                        phase.step(second)
            if done > cut:
                second.end_epoch()
        assert moved(values(whole), second) == set(), cut
        assert second.best_auxiliary_accuracy == whole.best_auxiliary_accuracy


def test_a_loss_that_is_not_finite_is_noticed() -> None:
    search = bilevel("darts")
    search.weight_step()
    assert search.finite()
    with torch.no_grad():
        tiny(search).last[0, 0] = math.nan
    search.architecture_step()
    assert not search.finite()


@pytest.mark.parametrize("coefficients", ["ones", "weights"])
def test_ist_multiplies_the_auxiliary_operations_by_what_is_asked_for(coefficients: str) -> None:
    search = bilevel("ec-darts", f"schedule.auxiliary_coefficients={coefficients}")
    search.begin_transition()
    tiny(search).routes.clear()
    search.weight_step(auxiliary=True)
    assert [route.derived for route in tiny(search).routes if route] == [coefficients]


def test_numbers_are_means_over_the_images_of_an_epoch() -> None:
    search = bilevel("darts")
    net, losses, correct = tiny(search), [], 0
    for number in range(2):
        x, y = search.training[number]
        with torch.no_grad():
            losses.append(float(cross_entropy(net(x), y)))
            correct += int((net(x).argmax(1) == y).sum())
        search.weight_step()
    numbers = search.numbers()
    assert numbers["weights"] == {"loss": pytest.approx(sum(losses) / 2), "accuracy": correct / 16}
    assert "architecture" not in numbers
    assert "auxiliary" not in numbers
    search.end_epoch()
    assert search.numbers().keys() == {"learning_rates"}


def test_accuracy_is_of_evenly_spaced_images_and_leaves_the_net_training() -> None:
    search = bilevel("darts")
    net = tiny(search)
    with torch.no_grad():
        pairs = [(net(x).argmax(1) == y) for x, y in search.validation.in_order(48)]
    hits = torch.cat(pairs)
    assert search.accuracy() == float(hits.double().mean())
    assert search.accuracy(images=3) == float(hits[::16].double().mean())
    assert net.training


def test_weights_that_are_not_finite_are_noticed_before_a_loss_tells() -> None:
    search = bilevel("darts")
    search.weight_step()
    assert search.finite_everywhere()
    with torch.no_grad():
        tiny(search).last[0, 0] = math.inf
    assert search.finite()
    assert not search.finite_everywhere()
