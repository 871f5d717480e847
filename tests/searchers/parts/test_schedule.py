"""Schedules: which step comes when, and what each step does, against plain transcriptions of the equations."""

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from genocc.data import Batches, MemoryImages
from genocc.searchers.bilevel import Bilevel
from genocc.searchers.config import SearchConfig
from genocc.searchers.interface import View
from genocc.searchers.parts.schedule import ScheduleConfig, epoch_phases
from tests.searchers.tiny_net import TinyNet


def bilevel(method: str = "darts", *overrides: str, images: int = 48, batch_size: int = 8) -> Bilevel:
    config = SearchConfig.make(method, "cifar", [f"schedule.batch_size={batch_size}", *overrides])
    generator = torch.Generator().manual_seed(3)
    pixels = torch.randint(0, 256, (2, images, 2, 2, 3), generator=generator).to(torch.uint8)
    labels = torch.randint(0, 3, (2, images), generator=generator)
    training, validation = (
        Batches(MemoryImages(some, classes), batch_size, seed=0, stream=name, mean=(0.5, 0.5, 0.5), std=(0.3, 0.3, 0.3))
        for some, classes, name in zip(pixels, labels, ("training", "validation"), strict=True)
    )
    return Bilevel(TinyNet(features=12), config, training, validation)


def tiny(search: Bilevel) -> TinyNet:
    assert isinstance(search.net, TinyNet)
    return search.net


def run_epoch(search: Bilevel, epoch: int) -> None:
    search.begin_epoch(epoch)
    for phase in epoch_phases(search.config.schedule, epoch, len(search.training), len(search.validation)):
        for _ in range(phase.steps):
            phase.step(search)


def values(search: Bilevel) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in tiny(search).state_dict().items()}


def moved(before: dict[str, Tensor], search: Bilevel) -> set[str]:
    return {name for name, value in values(search).items() if not torch.equal(value, before[name])}


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


def test_first_order_alternates_architecture_then_weights_over_the_training_half() -> None:
    search, by_hand = bilevel("darts"), bilevel("darts")
    run_epoch(search, 0)
    by_hand.begin_epoch(0)
    for _ in range(6):
        by_hand.architecture_step()
        by_hand.weight_step()
    assert moved(values(by_hand), search) == set()
    assert search.numbers()["weights"].keys() == {"loss", "accuracy"}


def test_the_learning_rate_follows_a_cosine_and_annealing_the_epochs() -> None:
    search = bilevel("darts")
    for epoch, expected in ((0, 0.025), (25, 0.013), (49, 0.001 + 0.024 * (1 + math.cos(math.pi * 49 / 50)) / 2)):
        search.begin_epoch(epoch)
        assert search.numbers()["learning_rates"]["weights"] == pytest.approx(expected)
        assert search.numbers()["learning_rates"]["architecture"] == 3e-4
        assert search.net.progress == epoch / 50


@pytest.mark.parametrize(("preset", "warm", "epochs"), [("cifar", 15, 50), ("imagenet", 35, 50)])
def test_pc_darts_warms_up(preset: str, warm: int, epochs: int) -> None:
    schedule = SearchConfig.make("pc-darts", preset).schedule
    assert schedule.epochs == epochs
    names = [[phase.name for phase in epoch_phases(schedule, epoch, 3, 3)] for epoch in range(epochs)]
    assert names == [["warm-up"]] * warm + [["search"]] * (epochs - warm)
    search = bilevel("pc-darts")
    before = values(search)
    run_epoch(search, 14)
    assert "alpha" not in moved(before, search)
    run_epoch(search, 15)
    assert "alpha" in moved(before, search)


def test_edarts_moves_the_architecture_once_at_the_end_of_an_epoch_by_second_order() -> None:
    search, by_hand = bilevel("edarts"), bilevel("edarts")
    assert search.config.schedule.order == 2
    run_epoch(search, 0)
    by_hand.begin_epoch(0)
    for _ in range(6):
        by_hand.weight_step()
    assert moved(values(by_hand), search) == {"alpha"}
    by_hand.architecture_step()
    assert moved(values(by_hand), search) == set()
    first_order = bilevel("edarts", "schedule.order=1")
    run_epoch(first_order, 0)
    assert moved(values(first_order), search) >= {"alpha"}


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


def test_ist_has_the_phases_of_algorithm_1() -> None:
    phases = epoch_phases(SearchConfig.make("ec-darts", "cifar").schedule, 0, 7, 5)
    assert [(phase.name, phase.steps) for phase in phases] == [
        ("one-shot", 7),
        ("derive", 1),
        ("auxiliary", 7),
        ("judge", 1),
        ("architecture", 5),
        ("keep or return", 1),
    ]
    warm = epoch_phases(ScheduleConfig(ist=True, warmup=0.5), 0, 7, 5)
    assert "architecture" not in [phase.name for phase in warm]


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


@pytest.mark.parametrize("view", ["full", "auxiliary"])
def test_ist_moves_the_architecture_through_the_view_that_is_asked_for(view: str) -> None:
    search = bilevel("ec-darts", f"schedule.architecture_view={view}")
    net = tiny(search)
    search.begin_epoch(0)
    phases = epoch_phases(search.config.schedule, 0, 1, 1)
    for phase in phases:
        if phase.name == "architecture":
            net.routes.clear()
        phase.step(search)
        if phase.name == "architecture":
            (route,) = net.routes
            assert (route is None) is (view == "full")
            assert net.alpha.grad is not None
            assert float(net.alpha.grad.abs().sum()) > 0


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


@pytest.mark.parametrize("method", ["darts", "edarts", "ec-darts"])
def test_a_state_puts_everything_back_in_the_midst_of_an_epoch(method: str) -> None:
    def steps(search: Bilevel) -> Iterator[None]:
        for epoch in range(2):
            search.begin_epoch(epoch)
            for phase in epoch_phases(search.config.schedule, epoch, len(search.training), len(search.validation)):
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
            for phase in epoch_phases(second.config.schedule, epoch, len(second.training), len(second.validation)):
                for _ in range(phase.steps):
                    done += 1
                    if done > cut:
                        phase.step(second)
            if done > cut:
                second.end_epoch()
        assert moved(values(whole), second) == set(), cut
        assert second.best_auxiliary_accuracy == whole.best_auxiliary_accuracy


def test_a_loss_that_is_no_number_is_noticed() -> None:
    search = bilevel("darts")
    search.weight_step()
    assert search.finite()
    with torch.no_grad():
        tiny(search).last[0, 0] = math.nan
    search.architecture_step()
    assert not search.finite()
