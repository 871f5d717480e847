"""P-DARTS against plain transcriptions: its stages, what they drop, its dropout and its limit of skips."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from genocc.errors import ConfigError
from genocc.searchers.arithmetic.features import CellState, Feature
from genocc.searchers.config import SearchConfig
from genocc.searchers.interface import CellSpace, Coefficients, DataShape, View
from genocc.searchers.methods.p_darts import DroppedSkips, LimitedSkips, Progressive, SkipDropout, strongest
from genocc.searchers.parts.data import load_halves
from genocc.searchers.parts.space import SpaceConfig
from genocc.searchers.parts.topology import AllEdges
from genocc.searchers.search import run_search
from genocc.searchers.stages import StagedBilevel, Stages
from genocc.searchers.supernet.net import SuperNet
from tests.searchers.small import assert_same, history, small
from tests.stopping import StopAt

SPACE = AllEdges().cell_space(SpaceConfig().operations)
NONE, SKIP = SPACE.operations.index("none"), SPACE.operations.index("skip_connect")
SMALL = ("schedule.epochs=6", "schedule.operations=[4,3]", "schedule.add_layers=[0,1,1]", "schedule.warmup=0.5")


def numbers(op: Tensor) -> Coefficients:
    return Coefficients(torch.ones(len(op)), op, op)


def drawn(seed: int, operations: int = 8) -> Tensor:
    return torch.rand(14, operations, generator=torch.Generator().manual_seed(seed)).softmax(1)


def test_three_stages_of_25_epochs_in_ever_deeper_nets() -> None:
    stages = Stages(SearchConfig.make("p-darts"))
    assert stages.first == [0, 25, 50]
    assert [(c.supernet.layers, c.supernet.channels) for c in stages.configs] == [(5, 16), (11, 16), (17, 16)]
    assert [c.connection.model_dump()["dropout"] for c in stages.configs] == [0.0, 0.4, 0.7]
    assert [stage.carry for stage in stages.stages] == [False] * 3
    for epoch in (0, 9, 10, 24, 25, 34, 35, 49, 50, 59, 60, 74):
        schedule, of_stage = stages.schedule(epoch)
        (phase,) = schedule.phases(of_stage, 260, 260)
        assert (phase.name, phase.steps) == ("warm-up" if epoch % 25 < 10 else "search", 260)
        assert stages.number(epoch) == epoch // 25
    rates = [c.weights.rate(epoch, c.schedule.epochs) for c in stages.configs for epoch in (0, 24)]
    assert rates == pytest.approx([0.025, 0.0125 * (1 + math.cos(math.pi * 24 / 25))] * 3)


def test_the_settings_of_the_paper() -> None:
    c = SearchConfig.make("p-darts")
    assert (c.schedule.epochs, c.schedule.batch_size, c.space.operations) == (75, 96, SPACE.operations)
    assert (c.weights.learning_rate, c.weights.learning_rate_end, c.weights.weight_decay) == (0.025, 0, 3e-4)
    assert (c.architecture.learning_rate, c.architecture.betas, c.architecture.weight_decay) == (
        6e-4,
        (0.5, 0.999),
        1e-3,
    )
    assert c.derivation == LimitedSkips(edges_per_node=2, skips=2)


def test_stages_add_to_what_is_asked_for() -> None:
    asked = ["supernet.layers=4", "supernet.channels=8", "schedule.add_channels=[0,12,24]", "connection.dropout=0.1"]
    stages = Stages(SearchConfig.make("p-darts", overrides=asked))
    assert [(c.supernet.layers, c.supernet.channels) for c in stages.configs] == [(4, 8), (10, 20), (16, 32)]
    assert [c.connection.model_dump()["dropout"] for c in stages.configs] == pytest.approx([0.1, 0.5, 0.8])


@given(st.integers(0, 10_000))
def test_the_weakest_leave_edge_by_edge(seed: int) -> None:
    """8, 5, 3 with the alphas of each stage; `none` is one like the others."""
    first, second = drawn(seed), drawn(seed + 1)
    five = strongest(SPACE, numbers(first), 5)
    space = CellSpace(2, 4, SPACE.edges, SPACE.operations, tuple(map(tuple, five.tolist())))
    three = strongest(space, numbers(second), 3)
    for edge in range(14):
        left = set(range(8))
        for _ in range(3):  # one after another, as the program does
            left.remove(min(left, key=lambda k: first[edge, k].item()))
        assert set(five[edge].nonzero().flatten().tolist()) == left
        for _ in range(2):
            left.remove(min(left, key=lambda k: second[edge, k].item()))
        assert set(three[edge].nonzero().flatten().tolist()) == left


def test_of_equals_the_first_leave() -> None:
    assert strongest(SPACE, numbers(torch.full((14, 8), 0.125)), 5).tolist() == [[False] * 3 + [True] * 5] * 14


def test_each_kind_of_cell_drops_its_own() -> None:
    schedule, found = Progressive(), {"normal": numbers(drawn(1)), "reduction": numbers(drawn(2))}
    masks = schedule.candidates(1, dict.fromkeys(found, SPACE), found)
    assert torch.equal(masks["normal"], strongest(SPACE, found["normal"], 5))
    assert torch.equal(masks["reduction"], strongest(SPACE, found["reduction"], 5))
    assert not torch.equal(masks["normal"], masks["reduction"])
    assert schedule.candidates(2, dict.fromkeys(found, SPACE), found)["normal"].sum(1).tolist() == [3] * 14


@pytest.mark.parametrize("start", [0.4, 0.7])
def test_dropout_falls_as_in_the_program(start: float) -> None:
    connection = SkipDropout(dropout=start)
    for epoch in range(25):
        expected = start * (25 - epoch - 1) / 25 if epoch < 10 else start * math.exp(-(epoch - 10) * 0.2)
        assert connection.rate(epoch / 25) == pytest.approx(expected), epoch


def test_dropout_turns_where_the_architecture_begins_to_move() -> None:
    """Also where the warm-up is not a whole number of epochs."""
    stages = Stages(SearchConfig.make("p-darts", overrides=["schedule.epochs=21"]))
    for number, c in enumerate(stages.configs):
        assert isinstance(c.connection, SkipDropout)
        for epoch in range(7):
            moving = c.schedule.phases(epoch, 1, 1)[0].name == "search"
            assert moving == (epoch / 7 >= c.connection.dropout_warmup), (number, epoch)


def test_dropout_is_of_single_values_of_each_edges_own_skip() -> None:
    channels = DroppedSkips(8, SkipDropout(dropout=0.5, dropout_warmup=0.0, dropout_decay=0.0))
    feature = Feature(torch.ones(4, 8, 8, 1, 8))
    torch.manual_seed(0)
    first, second = (channels.feature("skip_connect", 1, feature).map for _ in range(2))
    assert set(first.unique().tolist()) == {0.0, 2.0}  # kept values are scaled
    assert 0.4 < (first == 0).float().mean() < 0.6
    assert not torch.equal(first, second)
    assert channels.feature("skip_connect", 2, feature) is feature  # a factorized reduce
    assert channels.feature("max_pool_3x3", 1, feature) is feature
    channels.eval()
    assert channels.feature("skip_connect", 1, feature) is feature


@pytest.fixture
def net() -> SuperNet:
    """Of skips alone, with half of their values dropped."""
    overrides = ["supernet.channels=4", "supernet.layers=3", 'space=["skip_connect"]', "schedule.operations=[1,1]"]
    overrides += ["connection.dropout=0.5", "connection.dropout_warmup=0"]
    return SuperNet(SearchConfig.make("p-darts", "quick", overrides), DataShape(10, 3, (8, 8)))


def test_edges_from_one_state_are_dropped_independently(net: SuperNet) -> None:
    """Nodes 2 and 3 of a cell of skips: what they get of states 0 and 1 would be equal with shared masks."""
    cell = next(cell for cell, kind in zip(net.cells, net.kinds, strict=True) if kind == "normal")
    torch.manual_seed(0)
    state = CellState(torch.randn(2, 8, 8, 1, 12))
    terms = net._terms("normal", View.MIXED, net.route())
    only = [(e, k) for e, k in terms.live if cell.space.edges[e] in ((0, 2), (0, 3))]
    out = cell(state, state, type(terms)(tuple(only), terms.op, terms.edge)).map
    node2, node3 = out[..., :4], out[..., 4:8]
    assert not torch.equal(node2 == 0, node3 == 0)
    both = (node2 != 0) & (node3 != 0)
    torch.testing.assert_close(node2[both], node3[both])


def test_dropout_is_off_where_accuracies_are_measured(net: SuperNet) -> None:
    images = torch.randn(2, 3, 8, 8)
    assert not torch.equal(net(images), net(images))
    net.eval()
    assert torch.equal(net(images), net(images))
    net.train()
    net.progress = 0.5  # exp(-2.5) of it
    assert net.cells[0].channels.config.rate(net.cells[0].channels.progress) == pytest.approx(0.5 * math.exp(-2.5))


def derived_by_switches(p: Tensor, limit: int | None) -> set[tuple[int, int]]:
    """The program's end of a search: weights of skips are set to zero, one by one, and cells derived anew."""
    p = p.clone()
    p[:, NONE] = 0
    while True:
        kept, start = set(), 0
        for predecessors in range(2, 6):
            best = p[start : start + predecessors].max(1)
            for edge in best.values.argsort(descending=True)[:2].tolist():
                kept.add((start + edge, int(best.indices[edge])))
            start += predecessors
        skips = sorted((choice for choice in kept if choice[1] == SKIP), key=lambda choice: p[choice].item())
        if limit is None or len(skips) <= limit:
            return kept
        p[skips[0]] = 0


@given(st.integers(0, 10_000), st.integers(0, 8))
def test_at_most_m_skips_in_a_normal_cell(seed: int, limit: int) -> None:
    p = drawn(seed)
    p[:, SKIP] += 0.05 * torch.rand(14, generator=torch.Generator().manual_seed(seed))  # as they come to dominate
    masks = LimitedSkips(skips=limit).select(
        {"normal": SPACE, "reduction": SPACE}, dict.fromkeys(("normal", "reduction"), numbers(p)), None
    )
    found = {kind: {(e, k) for e, k in mask.nonzero().tolist()} for kind, mask in masks.items()}
    assert found["normal"] == derived_by_switches(p, limit)
    assert found["reduction"] == derived_by_switches(p, None)  # which is not limited
    assert sum(k == SKIP for _, k in found["normal"]) <= limit
    assert len(found["normal"]) == 8


def test_the_weakest_skip_leaves_first_and_its_edge_may_stay_with_another_operation() -> None:
    p = torch.full((14, 8), 0.01)
    p[[0, 2, 5], SKIP] = torch.tensor([0.8, 0.7, 0.9])
    p[1, 4] = p[3, 4] = p[6, 4] = p[9, 4] = p[10, 4] = 0.5
    p[2, 6] = 0.3
    mask = LimitedSkips().select({"normal": SPACE}, {"normal": numbers(p)}, None)["normal"]
    assert {edge for edge, k in mask.nonzero().tolist() if k == SKIP} == {0, 5}
    assert mask[2].nonzero().flatten().tolist() == [6]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["schedule.operations=[9,3]"], "as many as the one before, or fewer"),
        (["schedule.operations=[5,1]"], "an edge might be left with it alone; keep 2"),
        (["schedule.operations=[5]"], r"add_layers: found 3 stages; schedule.operations=\[5\] makes 2"),
        (["connection=weighted-sum"], "which has no dropout; use connection.name=skip-dropout, or zeros"),
        (["supernet.channels=5"], "choose a multiple of 2"),
    ],
)  # fmt: skip
def test_what_has_no_meaning_is_refused(overrides: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SearchConfig.make("p-darts", overrides=overrides)


def test_stages_go_without_dropout_on_another_connection() -> None:
    asked = ["connection=weighted-sum", "connection.partial=4", "schedule.add_dropout=[0,0,0]"]
    stages = Stages(SearchConfig.make("p-darts", overrides=asked))
    assert [c.supernet.layers for c in stages.configs] == [5, 11, 17]


def test_fewer_epochs_than_stages_are_refused_before_there_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="every stage needs an epoch; 2 are too few"):
        run_search(small("p-darts", *SMALL, "schedule.epochs=2"), tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted search: an epoch of warm-up and one of search in each of three stages."""
    folder = tmp_path_factory.mktemp("p-darts") / "whole"
    run_search(small("p-darts", *SMALL), folder, device="cpu")
    return folder


def test_a_search_goes_through_its_stages(whole: Path) -> None:
    lines = history(whole)
    assert [line["stage"] for line in lines] == [1, 1, 2, 2, 3, 3]
    assert ["architecture" in line and "loss" in line["architecture"] for line in lines] == [False, True] * 3
    rates = [line["learning_rates"]["weights"] for line in lines]
    assert rates == pytest.approx([0.025, 0.0125] * 3)
    for kind in ("normal", "reduction"):
        tables = [torch.tensor(line["coefficients"][kind]["op"]) for line in lines]
        assert [int((table > 0).sum()) for table in tables] == [25, 25, 20, 20, 15, 15]
        for end, begin in ((1, 2), (3, 4)):
            weakest = tables[end].masked_fill(tables[end] == 0, 1.0).argmin(1)
            assert (tables[begin].gather(1, weakest[:, None]) == 0).all()
            left = tables[begin][tables[begin] > 0]
            assert (left - 1 / (6 - lines[begin]["stage"])).abs().max() < 0.01  # alphas begin anew
    assert all(line["skip_connections"]["normal"] <= 2 for line in lines)


@pytest.mark.usefixtures("look_always")
@pytest.mark.parametrize(
    "steps",
    [
        pytest.param((5, 11), id="within", marks=pytest.mark.full),
        pytest.param((6, 12), id="at the boundary"),
        pytest.param((7, 14), id="after it", marks=pytest.mark.full),
    ],
)
def test_a_search_stopped_in_any_stage_goes_on_as_if_it_had_not_been(
    steps: tuple[int, int], whole: Path, tmp_path: Path
) -> None:
    """Six steps per stage: stages 2 and 3 begin at steps 6 and 12, both with dropout."""
    for number, step in enumerate(steps):
        with pytest.raises(KeyboardInterrupt):
            run_search(
                small("p-darts", *SMALL), tmp_path / "cut", resume=number > 0, device="cpu", progress=StopAt(step)
            )
        torch.rand(number + 3)
    run_search(small("p-darts", *SMALL), tmp_path / "cut", resume=True, device="cpu")
    assert_same(tmp_path / "cut", whole)


def test_a_search_killed_between_two_stages_keeps_the_same_operations() -> None:
    """EC-DARTS' softmax over edges: which operations of an edge are strongest depends on the temperature."""
    chain = ("name=cen", "temperature=5", "temperature_ratio=0.923", "alpha_noise=1")
    config = small("p-darts", *SMALL, *(f"relaxation.{field}" for field in chain))
    halves = load_halves(config.data, 8, 0, torch.device("cpu"))
    whole, resumed = (
        StagedBilevel(config, DataShape(10, 3, (8, 8)), halves.training, halves.validation) for _ in range(2)
    )
    whole.begin_epoch(1)  # the last of stage 1, after which the run was killed
    resumed.load_state(whole.state())
    for search in (whole, resumed):
        search.begin_epoch(2)
    assert whole.candidates is not None
    assert resumed.candidates is not None
    for kind, mask in whole.candidates.items():
        assert torch.equal(mask, resumed.candidates[kind])
