"""How many jobs are done, running and failed, and when it will end."""

from __future__ import annotations

from pathlib import Path

import pytest

from genocc.experiments.progress import ConsoleJobsProgress, JobsProgress
from tests.experiments.own import own


class Told(JobsProgress):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def message(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr("genocc.experiments.progress.time.monotonic", lambda: now[0])
    return now


def begun() -> Told:
    """Of the searches and trainings, those of the first two rows are done, and their times known of two."""
    progress = Told()
    steps = own().plan("tiny", Path("x")).steps
    done = [step.name for step in steps if step.name.startswith(("darts/", "epochs/"))]
    history = [
        {"job": "darts/seed-0/search", "ok": True, "seconds": 100.0},
        {"job": "darts/seed-0/train", "ok": True, "seconds": 40.0},
        {"job": "random/seed-0/search", "ok": False, "seconds": 1e6},
    ]
    progress.begin(steps, done, history)
    return progress


def test_the_end_is_foretold_by_jobs_of_the_same_kind(clock: list[float]) -> None:
    progress = begun()  # left: two searches, three trainings
    assert progress.seconds_left() == (2 * 100 + 3 * 40, True)
    progress.started("random/seed-0/search")
    progress.started("random/seed-1/search")
    clock[0] = 30.0
    assert progress.seconds_left() == (2 * 70 / 2 + 3 * 40 / 2, True)
    assert progress.summary().startswith("7 of 12 done, 2 running, 0 failed; ends at about ")
    assert progress.summary().endswith(", in 2 min 10 s")


def test_what_is_known_of_a_row_wins(clock: list[float]) -> None:
    progress = begun()
    progress.started("random/seed-0/search")
    progress.ended("random/seed-0/search", True, 2.0, "")
    assert progress.seconds_left() == (2 + 3 * 40, True)
    assert progress.lines[-1].startswith("random/seed-0/search: done in 2 s. 8 of 12 done, 0 running, 0 failed")


def test_a_failure_is_said_and_counts(clock: list[float]) -> None:
    progress = begun()
    progress.ended("random/seed-0/search", False, 1.0, "no memory")
    assert progress.lines[-1].startswith("random/seed-0/search: no memory. 7 of 12 done, 0 running, 1 failed")


def test_without_any_experience_nothing_is_foretold() -> None:
    progress = Told()
    steps = own().plan("tiny", Path("x")).steps
    progress.begin(steps, [], [])
    assert progress.lines == ["0 of 12 done, 0 running, 0 failed"]
    progress.ended("darts/seed-0/search", True, 60.0, "")
    assert "; ends not before " in progress.lines[-1]


def test_a_console_has_lines(capsys: pytest.CaptureFixture[str]) -> None:
    progress = ConsoleJobsProgress()
    with progress:
        progress.begin(own().plan("tiny", Path("x")).steps, [], [])
        progress.started("darts/seed-0/search")
        progress.ended("darts/seed-0/search", True, 60.0, "")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "0 of 12 done, 0 running, 0 failed"
    assert lines[1].startswith("darts/seed-0/search: done in 1 min 0 s. 1 of 12 done")
