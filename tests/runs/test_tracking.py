"""Trackers: what they get of a run and when, what the folder notes, and that one that fails costs a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar

import pytest

from genocc.errors import ConfigError, RunError
from genocc.runs import tracking
from genocc.runs.progress import Progress
from genocc.runs.tracking import (
    Noted,
    TrackedRun,
    Tracker,
    Tracking,
    distributions,
    make_tracker,
    read_note,
    scalars,
    tracked,
    tracker_names,
    wanted,
)
from tests.runs.begun import begun

LINE = {"epoch": 2, "test": {"top1": 0.5, "top5": None}, "training": {"loss": 1, "accuracy": 0.25}, "seconds": 2.5,
        "costs": {"gpu_days": 0.5, "device": "cpu", "peak_device_memory": None}}  # fmt: skip
SEARCHED = {"epoch": 1, "entropy": {"normal": 0.5}, "edges_per_node": {"normal": [2, 3]}, "undecided": ["all"],
            "coefficients": {"normal": {"edges": [[0, 2], [1, 2]], "operations": ["a", "b"], "edge": [1.0, 0.5],
                                        "op": [[0.25, 0.75], [0.5, 0.5]], "importance": [[1, 2], [3, 4]]}},
            "genotype": {"name": "g", "metadata": {"seed": 3}}}  # fmt: skip


def test_every_number_but_the_epoch_has_its_path() -> None:
    assert dict(scalars(LINE)) == {"test/top1": 0.5, "training/loss": 1.0, "training/accuracy": 0.25, "seconds": 2.5,
        "costs/gpu_days": 0.5}  # fmt: skip
    assert dict(scalars(SEARCHED)) == {"entropy/normal": 0.5, "edges_per_node/normal": 5.0}
    assert dict(distributions(SEARCHED)) == {
        "coefficients/normal/edge": [1, 0.5],
        "coefficients/normal/op": [0.25, 0.75, 0.5, 0.5],
        "coefficients/normal/importance": [1, 2, 3, 4],
    }
    assert dict(distributions(LINE)) == {}


class Noting(Tracker):
    """Notes what it is given, and fails where it is told to."""

    package: ClassVar[str] = "noting"
    given: ClassVar[list[Any]] = []
    failing: ClassVar[str] = ""

    def _note(self, what: str, *more: Any) -> None:
        if what == self.failing:
            raise OSError(f"no {what}\nat all")
        self.given.append((what, *more))

    def begin(self, run: TrackedRun, noted: Noted) -> Noted:
        self._note("begin", run.name, run.command, run.config, noted.id)
        return noted.model_copy(update={"id": "x1"})

    def epoch(self, line: Mapping[str, Any]) -> None:
        self._note(f"epoch {line['epoch']}")

    def finish(self, result: Mapping[str, Any], epoch: int) -> None:
        self._note("finish", result, epoch)

    def close(self, finished: bool) -> None:
        self.given.append(("close", finished))


@pytest.fixture
def noting(monkeypatch: pytest.MonkeyPatch) -> type[Noting]:
    monkeypatch.setattr(Noting, "given", [])
    monkeypatch.setattr(Noting, "failing", "")
    monkeypatch.setattr(tracking.plugins, "names", lambda group: ("noting",))
    monkeypatch.setattr(tracking.plugins, "load", lambda group, name, kind: Noting)
    return Noting


class Heard(Progress):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def message(self, text: str) -> None:
        self.heard.append(text)


def session(
    path: Path, do: Callable[[Tracking, Callable[[int], None]], None], *names: str, progress: Progress | None = None
) -> None:
    """One process of a run: ``do`` gets its trackers, and what brings the history to a number of epochs."""
    with begun(path, resume=path.exists()) as run, tracked(run, names, "search", progress, nullcontext()) as found:

        def bring(epochs: int) -> None:
            run.truncate(min(epochs, len(tracking.read_history(path))))
            for epoch in range(len(tracking.read_history(path)), epochs):
                run.append({"epoch": epoch + 1})

        do(found, bring)


def test_a_run_that_goes_on_gives_each_epoch_once_and_the_result_at_the_end(
    tmp_path: Path, noting: type[Noting]
) -> None:
    path = tmp_path / "a"

    def killed(found: Tracking, bring: Callable[[int], None]) -> None:
        found.update()
        for epochs in (1, 2):
            bring(epochs)
            found.update()
        bring(3)  # its checkpoint was not written

    def resumed(found: Tracking, bring: Callable[[int], None]) -> None:
        bring(2)
        found.update()
        bring(3)
        found.update()
        found.finish(lambda: {"macs": 5})

    session(path, killed, "noting")
    config = {"seed": 1, "schedule.epochs": 3}
    assert noting.given == [("begin", "a", "search", config, None), ("epoch 1",), ("epoch 2",), ("close", False)]
    assert read_note(path, "noting").model_copy(update={"history": ""}) == Noted(id="x1", epochs=2)
    noting.given.clear()
    session(path, resumed)  # without its name: it goes on by what the folder notes
    finish = ("finish", {"macs": 5}, 3)
    assert noting.given == [("begin", "a", "search", config, "x1"), ("epoch 3",), finish, ("close", True)]
    assert read_note(path, "noting").model_copy(update={"history": ""}) == Noted(id="x1", epochs=3, finished=True)
    noting.given.clear()
    session(path, lambda found, bring: found.finish(lambda: {"macs": 5}), "noting")
    assert noting.given == []


def test_one_of_several_seeds_is_named_after_them_all(tmp_path: Path, noting: type[Noting]) -> None:
    (tmp_path / "config.json").write_text("{}")
    session(tmp_path / "seed-3", lambda found, bring: found.update(), "noting")
    assert noting.given[0][1] == f"{tmp_path.name}-seed-3"


def _all_of_it(found: Tracking, bring: Callable[[int], None]) -> None:
    for epochs in (1, 2, 3):
        bring(epochs)
        found.update()
    found.finish(lambda: {"macs": 5})


@pytest.mark.parametrize("failing", ["begin", "epoch 2", "finish"])
def test_a_tracker_that_fails_costs_one_line_and_catches_up(
    tmp_path: Path, noting: type[Noting], failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(noting, "failing", failing)
    progress, path = Heard(), tmp_path / "a"
    session(path, _all_of_it, "noting", progress=progress)
    (line,) = progress.heard
    assert line.startswith(f"tracking with noting has failed (OSError: no {failing}). The run goes on; once it has")
    assert line.endswith(f"genocc search --out {path} --resume")
    assert line in (path / "log.txt").read_text()
    assert noting.given[-1] == ("close", False)
    monkeypatch.setattr(noting, "failing", "")
    session(path, lambda found, bring: found.finish(lambda: {"macs": 5}))
    assert [found[0] for found in noting.given if found[0].startswith("epoch")] == ["epoch 1", "epoch 2", "epoch 3"]
    assert noting.given[-2:] == [("finish", {"macs": 5}, 3), ("close", True)]


def test_without_trackers_nothing_is_written(tmp_path: Path) -> None:
    session(tmp_path, _all_of_it)
    assert not (tmp_path / "tracking").exists()


def test_other_processes_track_nothing(noting: type[Noting]) -> None:
    with tracked(None, ["noting"], "search", None, nullcontext()) as found:
        found.update()
        found.finish(dict)
    assert noting.given == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "tracking/noting.json: content: found '{'; "),
        ('{"epochs": -1}', "noting.json: epochs: found -1; expected a number greater than or equal to 0"),
        ('{"id": "../x"}', "noting.json: id: found '../x'; "),
        ('{"more": 1}', "noting.json: more: found 1; "),
    ],
)
def test_a_note_that_is_none_is_refused(tmp_path: Path, noting: type[Noting], content: str, message: str) -> None:
    session(tmp_path / "a", lambda found, bring: found.update(), "noting")
    (tmp_path / "a" / "tracking" / "noting.json").write_text(content)
    with pytest.raises(RunError) as caught:
        session(tmp_path / "a", lambda found, bring: found.update())
    assert message in str(caught.value)
    assert "Remove the file to track the run anew" in str(caught.value)


def test_the_names_that_a_request_asks_for() -> None:
    assert wanted([], None) == ()
    with pytest.raises(ConfigError, match=r"--track mlfow: unknown tracker; did you mean 'mlflow'\?"):
        wanted("mlfow")
    assert set(tracker_names()) == {"mlflow", "tensorboard", "trackio", "wandb"}


def test_a_class_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking.plugins, "load", lambda group, name, kind: dict)
    with pytest.raises(ConfigError, match=r"tracker 'wandb' \(builtins.dict\): expected a class of Tracker"):
        make_tracker("wandb")


@pytest.mark.parametrize("lines", [0, 1, 2, 3])
def test_a_run_whose_epochs_are_others_than_those_handed_over_is_tracked_anew(
    lines: int, tmp_path: Path, noting: type[Noting]
) -> None:
    """Its checkpoints are gone, so that it begins anew, or an earlier day of the folder was put back."""
    path = tmp_path / "a"

    def first(found: Tracking, bring: Callable[[int], None]) -> None:
        bring(2)
        found.update()

    session(path, first, "noting")
    (path / "history.jsonl").write_text("".join(f'{{"epoch": {n + 1}, "other": 1}}\n' for n in range(lines)))
    noting.given.clear()
    session(path, lambda found, bring: found.update())
    began, *epochs, _ = noting.given
    assert (began[0], began[-1]) == ("begin", None), "without the former one's id"
    assert epochs == [(f"epoch {n + 1}",) for n in range(lines)]
    assert (
        "tracking with noting begins anew: its 2 epochs are not those of history.jsonl"
        in (path / "log.txt").read_text()
    )
    noting.given.clear()
    session(path, lambda found, bring: found.update())
    assert [what for what, *_ in noting.given] == ["begin", "close"]
    assert noting.given[0][-1] == "x1"
