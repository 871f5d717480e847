"""Stages: the space shrinks, the net grows, and a killed search goes on in the stage that it was in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from torch import Tensor

from genocc.errors import ConfigError
from genocc.searchers import method as methods
from genocc.searchers import registry
from genocc.searchers.config import SearchConfig
from genocc.searchers.interface import CellSpace, Coefficients
from genocc.searchers.method import Method
from genocc.searchers.parts import AlternatingSchedule, Stage
from genocc.searchers.registry import Composition
from genocc.searchers.search import run_search
from genocc.searchers.stages import StagedBilevel, Stages
from tests.searchers.small import SMALL, assert_same, history
from tests.stopping import StopAt


class Shrinking(AlternatingSchedule):
    """Two stages: the second drops each edge's weakest operation, and has another cell.

    Attributes:
        carry: Whether the alphas stay.
    """

    name: Literal["shrinking"] = "shrinking"  # type: ignore[assignment]
    carry: bool = True

    def stages(self, config: Composition) -> tuple[Stage, ...]:
        first = self.epochs // 2
        return Stage(first), Stage(self.epochs - first, {"supernet": {"layers": 4}}, carry=self.carry)

    def candidates(
        self, stage: int, spaces: Mapping[str, CellSpace], coefficients: Mapping[str, Coefficients]
    ) -> dict[str, Tensor]:
        found = {}
        for kind, space in spaces.items():
            kept = space.candidate_mask(torch.device("cpu"))
            kept[torch.arange(len(kept)), coefficients[kind].importance.argmin(1)] = False
            found[kind] = kept
        return found


class Progressive(Method):
    """DARTS in two stages."""

    name = "progressive"
    paper = "none"
    schedule = Shrinking()


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "_BROUGHT", {})
    monkeypatch.setattr(methods, "_BROUGHT", {})
    return


def config(*overrides: str) -> SearchConfig:
    return SearchConfig.make(Progressive, "cifar", [*SMALL, "schedule.epochs=4", *overrides])


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stages") / "whole"
    run_search(config(), folder, device="cpu")
    return folder


def test_each_stage_has_its_own_net_and_counts_its_own_epochs() -> None:
    stages = Stages(config("schedule.epochs=5", "schedule.warmup=0.5"))
    assert [one.schedule.epochs for one in stages.configs] == [2, 3]
    assert [one.supernet.layers for one in stages.configs] == [3, 4]
    assert [stages.schedule(epoch)[1] for epoch in range(5)] == [0, 1, 0, 1, 2]
    names = [stages.schedule(e)[0].phases(stages.schedule(e)[1], 3, 3)[0].name for e in range(5)]
    assert names == ["warm-up", "search", "warm-up", "warm-up", "search"]


def test_the_space_shrinks_and_the_weakest_stay_away(whole: Path) -> None:
    lines = history(whole)
    first, last = lines[1]["coefficients"]["normal"], lines[2]["coefficients"]["normal"]
    dropped = torch.tensor(first["importance"]).argmin(1)
    op = torch.tensor(last["op"])
    assert (op[torch.arange(len(op)), dropped] == 0).all()
    assert ((op > 0).sum(1) == op.shape[1] - 1).all()
    assert [line["learning_rates"]["weights"] for line in lines[:2]] == [
        line["learning_rates"]["weights"] for line in lines[2:]
    ], "the cosine begins anew"


@pytest.mark.parametrize("step", [2, 6, 7, 11])
def test_a_search_that_was_stopped_in_any_stage_goes_on_exactly(
    step: int, whole: Path, tmp_path: Path, look_always: None
) -> None:
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        run_search(config(), run, device="cpu", progress=StopAt(step))
    run_search(config(), run, device="cpu", resume=True)
    assert_same(run, whole)


@pytest.mark.parametrize("carry", [True, False])
def test_alphas_stay_where_the_stage_says_so(carry: bool, tmp_path: Path) -> None:
    from genocc.searchers.interface import DataShape
    from genocc.searchers.parts.data import load_halves

    asked = config(f"schedule.carry={carry}")
    halves = load_halves(asked.data, 8, 0, torch.device("cpu"))
    search = StagedBilevel(asked, DataShape(10, 3, (8, 8)), halves.training, halves.validation)
    search.begin_epoch(1)
    before = search.net
    with torch.no_grad():
        for alpha in before.architecture_parameters():
            alpha.copy_(-torch.arange(alpha.shape[1]).expand_as(alpha))  # the last operation, a convolution, leaves
    search.begin_epoch(2)
    assert (len(search.net.cells), search.net.progress, search.stage) == (4, 0.0, 1)
    same = torch.equal(
        before.relaxation.state_dict()["alpha.normal"], search.net.relaxation.state_dict()["alpha.normal"]
    )
    assert same is carry
    assert sum(p.numel() for p in search.net.cells[0].parameters()) < sum(
        p.numel() for p in before.cells[0].parameters()
    )
    assert search.weights_optimizer.param_groups[0]["params"][0] is search.net.weight_parameters()[0]


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ((Stage(3),), r"its stages have \[3\] epochs, not 4"),
        ((Stage(4), Stage(0)), "every stage needs an epoch"),
        ((Stage(2), Stage(2, {"data": {"size": 9}})), "stage 1 changes data, which no stage may"),
        ((Stage(2), Stage(2, {"schedule": {"batch_size": 9}})), "changes the batch size"),
        ((Stage(2), Stage(2, {"supernet": {"layers": 1}})), "supernet.layers: found 1"),
    ],
)
def test_stages_that_do_not_fit_are_refused(
    stages: tuple[Stage, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(self: Any, config: Composition) -> tuple[Stage, ...]:
        return stages

    monkeypatch.setattr(Shrinking, "stages", wrong)
    with pytest.raises(ConfigError, match=message):
        Stages(config())
