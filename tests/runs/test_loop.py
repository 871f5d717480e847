"""The loop of every run, with a learner that counts: order, resuming after any step, checkpoints, divergence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from genocc.errors import InternalError, RunError, TargetError
from genocc.runs import loop
from genocc.runs.checkpoints import load_checkpoint, save_checkpoint
from genocc.runs.folder import RunFolder
from genocc.runs.interruption import Interruption
from genocc.runs.loop import Loop, Phase, choose_device
from genocc.runs.progress import Progress
from genocc.runs.randomness import Randomness
from genocc.runs.reading import CHECKPOINTS, read_history
from tests.runs.begun import begun

pytestmark = pytest.mark.usefixtures("look_always")

EPOCHS = 3
PHASES = [("a", 3), ("b", 0), ("c", 2)]
WHOLE = [(epoch, name) for epoch in range(EPOCHS) for name, steps in PHASES for _ in range(steps)]


class Counter:
    """Writes down each step, with a random number that a resumed run must draw too."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, str, float]] = []
        self.epoch = -1
        self.nan_after = 10**9
        self.fault = False

    def begin_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def end_epoch(self) -> None:
        self.epoch = -1

    def finite(self) -> bool:
        return len(self.steps) <= self.nan_after

    def finite_everywhere(self) -> bool:
        return self.finite()

    def state(self) -> dict[str, Any]:
        return {"steps": [list(step) for step in self.steps]}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.steps = [(epoch, name, drawn) for epoch, name, drawn in state["steps"]]

    def take(self, name: str) -> None:
        if self.fault:
            raise InternalError("a consequence")
        self.steps.append((self.epoch, name, float(torch.rand(()))))


class Counting(Loop[Counter]):
    command, advice = "search", "more patience"

    def title(self) -> str:
        return "counting"

    def phases(self, epoch: int) -> Sequence[Phase[Counter]]:
        return [Phase(name, steps, lambda learner, name=name: learner.take(name)) for name, steps in PHASES]  # type: ignore[misc]

    def live(self) -> str:
        return str(len(self.learner.steps))

    def measure(self, epoch: int) -> dict[str, Any]:
        return {"counted": len(self.learner.steps)}

    def format_epoch(self, line: Mapping[str, Any]) -> str:
        return str(line["counted"])

    def finish(self, folder: RunFolder) -> None:
        folder.finish(str(len(self.learner.steps)))


class StopAt(Progress):
    """Asks to stop after a step, and keeps what is shown."""

    def __init__(self, interruption: Interruption, step: int) -> None:
        self.interruption, self.at, self.shown = interruption, step, list[str]()

    def step(self, where: str, seen: str, done: int) -> None:
        self.shown.append(f"{where}: {seen}, {done}")
        self.interruption.requested = done == self.at

    def epoch(self, text: str) -> None:
        self.shown.append(text)

    def message(self, text: str) -> None:
        self.shown.append(text)


def run(
    folder: Path, *, stop: int = -1, learner: Counter | None = None, resume: bool = False, device: str = "cpu"
) -> Counting:
    """Runs the loop in a folder; what a new process would do where the folder has a run already."""
    interruption = Interruption()
    drawn = Randomness(5 if not resume else 99, torch.device("cpu"))
    with begun(folder, resume=resume) as opened:
        shown = StopAt(interruption, stop)
        place = torch.device(device)
        made = Counting(learner or Counter(), EPOCHS, opened, interruption, shown, randomness=drawn, device=place)
        made.run()
    return made


def test_phases_follow_each_other_and_epochs_are_shown_and_written(tmp_path: Path) -> None:
    made = run(tmp_path)
    assert [(epoch, name) for epoch, name, _ in made.learner.steps] == WHOLE
    assert [(line["epoch"], line["counted"]) for line in read_history(tmp_path)] == [(1, 5), (2, 10), (3, 15)]
    assert (tmp_path / "genotype.json").read_text() == "15"
    assert isinstance(made.progress, StopAt)
    assert made.progress.shown[:2] == ["epoch 1/3 a: 1, 1", "epoch 1/3 a: 2, 2"]
    assert made.progress.shown[5:7] == ["epoch 1/3  5", "epoch 2/3 a: 6, 6"]


def test_stopped_after_any_step_it_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole").learner.steps
    for stop in range(1, len(WHOLE) + 1):
        folder = tmp_path / str(stop)
        with pytest.raises(KeyboardInterrupt):
            run(folder, stop=stop)
        assert f"stopped in epoch {1 + (stop - 1) // 5}" in (folder / "log.txt").read_text()
        assert run(folder, resume=True).learner.steps == whole
        assert [line["epoch"] for line in read_history(folder)] == [1, 2, 3]


@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_costs_of_an_epoch_are_those_of_all_its_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    """A GPU until the middle of the second epoch, and then the same again, or a CPU."""
    peaks = iter([7, 7, 900, *[7] * 99])
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: next(peaks))
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: None)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H100")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, stop=8, device="cuda")
    with begun(tmp_path, resume=True) as opened:
        state = load_checkpoint(opened)
    assert state is not None
    spent = state["costs"]["gpu_seconds"]
    assert spent == pytest.approx(state["position"]["seconds"], abs=1e-6)
    run(tmp_path, resume=True, device=device)
    first, second, third = read_history(tmp_path)
    assert first["costs"]["gpu_days"] * 86_400 == pytest.approx(first["seconds"], abs=6e-4)
    assert first["costs"]["device_name"] == "NVIDIA H100"
    assert second["costs"]["gpu_days"] * 86_400 == pytest.approx(
        second["seconds"] if device == "cuda" else spent, abs=6e-4
    )
    assert second["costs"]["peak_device_memory"] == 900
    assert third["costs"]["peak_device_memory"] == (7 if device == "cuda" else None)
    assert third["costs"]["device"] == device


def test_a_stopped_run_says_how_to_go_on(tmp_path: Path) -> None:
    interruption = Interruption()
    progress = StopAt(interruption, 7)
    with begun(tmp_path) as opened, pytest.raises(KeyboardInterrupt):
        Counting(Counter(), EPOCHS, opened, interruption, progress).run()
    assert progress.shown[-1] == f"stopped in epoch 2; go on with: genocc search --out {tmp_path} --resume"


def test_an_epoch_whose_line_was_written_without_its_checkpoint_is_repeated(tmp_path: Path) -> None:
    """Killed between the two: the checkpoint decides, and the line is cut off."""
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, stop=5)
    with begun(tmp_path, resume=True) as opened:
        opened.append({"epoch": 1, "counted": 99})
    run(tmp_path, resume=True)
    assert [line["counted"] for line in read_history(tmp_path)] == [5, 10, 15]


def test_long_epochs_get_mid_epoch_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "SAVED_EVERY", -1.0)
    run(tmp_path)
    assert int(max((tmp_path / CHECKPOINTS).iterdir()).stem) == len(WHOLE) + EPOCHS


@pytest.mark.parametrize(
    ("after", "left"), [(2, "there is no checkpoint yet"), (7, "the checkpoint after epoch 1 is intact")]
)
def test_a_run_that_diverges_ends_with_advice_and_keeps_no_nan(tmp_path: Path, after: int, left: str) -> None:
    learner = Counter()
    learner.nan_after = after
    with pytest.raises(RunError) as caught:
        run(tmp_path, learner=learner)
    assert str(caught.value) == (
        f"{tmp_path}: losses or weights are no longer finite in epoch {1 + after // 5}: the search has diverged; "
        f"{left}. Start a new run with more patience"
    )
    assert len(read_history(tmp_path)) == after // 5
    assert "the search has diverged" in (tmp_path / "log.txt").read_text()


def test_with_nan_weights_a_fault_is_their_consequence_and_without_it_is_ours(tmp_path: Path) -> None:
    for nan_after, expected in ((-1, RunError), (10**9, InternalError)):
        learner = Counter()
        learner.fault, learner.nan_after = True, nan_after
        with pytest.raises(expected):
            run(tmp_path / str(nan_after), learner=learner)


@pytest.mark.parametrize(
    "position",
    [
        {"epoch": 4}, {"phase": 4}, {"phase": 0, "step": 4}, {"step": -1}, {"epoch": None}, {"step": True},
        {"epoch": 10**30}, {"seconds": float("nan")}, {"seconds": "1"}, {"other": 1},
    ],
)  # fmt: skip
def test_a_position_that_the_run_does_not_have_is_refused(position: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, stop=3)
    with begun(tmp_path, resume=True) as opened:
        state = load_checkpoint(opened)
        assert state is not None
        state["position"] |= position
        save_checkpoint(opened, state)
    with pytest.raises(RunError, match=r"its checkpoint does not fit its config.json \("):
        run(tmp_path, resume=True)


def test_a_checkpoint_with_nan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, stop=3)
    learner = Counter()
    learner.nan_after = 2
    with pytest.raises(RunError, match=r"its checkpoint holds values that are not finite; was it changed\?"):
        run(tmp_path, learner=learner, resume=True)


@pytest.mark.parametrize("missing", ["position", "learner", "random"])
def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path, missing: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, stop=3)
    with begun(tmp_path, resume=True) as opened:
        state = load_checkpoint(opened)
        assert state is not None
        del state[missing]
        save_checkpoint(opened, state)
    with pytest.raises(RunError, match=f"its checkpoint has no '{missing}': it was written by an older version"):
        run(tmp_path, resume=True)


def test_a_device_that_does_not_exist_is_refused() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(TargetError, match="device 'tpu' is not available here; expected cpu"):
        choose_device("tpu")
