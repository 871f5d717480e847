"""Schedules: which step comes when."""

import pytest

from genocc.searchers.config import SearchConfig
from genocc.searchers.parts.schedule import AlternatingSchedule
from tests.searchers.tiny_net import bilevel, moved, run_epoch, tiny, values


def test_first_order_alternates_architecture_then_weights_over_the_training_half() -> None:
    search, by_hand = bilevel("darts"), bilevel("darts")
    run_epoch(search, 0)
    by_hand.begin_epoch(0)
    for _ in range(6):
        by_hand.architecture_step()
        by_hand.weight_step()
    assert moved(values(by_hand), search) == set()
    assert search.numbers()["weights"].keys() == {"loss", "accuracy"}


@pytest.mark.parametrize(("preset", "warm", "epochs"), [("cifar", 15, 50), ("imagenet", 35, 50)])
def test_pc_darts_warms_up(preset: str, warm: int, epochs: int) -> None:
    schedule = SearchConfig.make("pc-darts", preset).schedule
    assert schedule.epochs == epochs
    names = [[phase.name for phase in schedule.phases(epoch, 3, 3)] for epoch in range(epochs)]
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


def test_ist_has_the_phases_of_algorithm_1() -> None:
    phases = SearchConfig.make("ec-darts", "cifar").schedule.phases(0, 7, 5)
    assert [(phase.name, phase.steps) for phase in phases] == [
        ("one-shot", 7),
        ("derive", 1),
        ("auxiliary", 7),
        ("judge", 1),
        ("architecture", 5),
        ("keep or return", 1),
    ]
    warm = AlternatingSchedule(ist=True, warmup=0.5).phases(0, 7, 5)
    assert "architecture" not in [phase.name for phase in warm]


@pytest.mark.parametrize("view", ["full", "auxiliary"])
def test_ist_moves_the_architecture_through_the_view_that_is_asked_for(view: str) -> None:
    search = bilevel("ec-darts", f"schedule.architecture_view={view}")
    net = tiny(search)
    search.begin_epoch(0)
    phases = search.config.schedule.phases(0, 1, 1)
    for phase in phases:
        if phase.name == "architecture":
            net.routes.clear()
        phase.step(search)
        if phase.name == "architecture":
            (route,) = net.routes
            assert (route is None) is (view == "full")
            assert net.alpha.grad is not None
            assert float(net.alpha.grad.abs().sum()) > 0
