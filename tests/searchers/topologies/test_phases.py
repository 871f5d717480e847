"""The phases of a ranking as jobs: results of jobs that end, fail, or were begun by a driver that is gone."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from genocc.engines.base import Job
from genocc.errors import DataError, RunError
from genocc.genotype import Genotype
from genocc.runs.reading import read_history
from genocc.searchers.topologies import part as module
from genocc.searchers.topologies.phases import repeated
from genocc.searchers.topologies.ranking import rank_topologies
from genocc.searchers.topologies.result import Ranking
from genocc.searchers.topologies.topologies import name_of, sampled
from tests.engines.in_process import InProcess

NAMES = [name_of(topology) for topology in sampled(5, 0)]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of topologies whose training fails; accuracies fall in the order of names, in both phases."""
    found: set[str] = set()

    def fit(genotype: Genotype, *_: Any, **__: Any) -> Any:
        if genotype.name in found:
            raise RunError(f"{genotype.name}: no longer finite")
        return SimpleNamespace(top1=0.5 - NAMES.index(genotype.name) / 100)

    monkeypatch.setattr(module, "fit", fit)
    return found


def ranked(out: Path, engine: InProcess, **more: Any) -> Ranking:
    asked = {} if more.get("resume") else {"data": "fake", "size": 8, "sample": 5, "top": 2}
    return rank_topologies(out, engine=engine, **asked, **more)


def engine(width: int) -> InProcess:
    found = InProcess()
    found.jobs = width
    return found


def jobs(engine: InProcess) -> list[str]:
    return [Path(line[2]).name for line in engine.ran]


def test_parts_of_both_phases_are_jobs(broken: set[str], tmp_path: Path) -> None:
    first = engine(2)
    found = ranked(tmp_path / "a", first)
    assert jobs(first) == ["normal-0", "normal-1", "both-0", "both-1"]
    assert {line[3:] for line in first.ran} == {("--device", "cpu", "--resume")}
    assert [one.name for one in found.topologies] == NAMES
    assert [one.accuracy_both for one in found.topologies] == [0.5, 0.49, None, None, None]
    assert len(read_history(tmp_path / "a")) == 7


def test_what_fails_is_reported_when_the_others_have_ended_and_resumed(broken: set[str], tmp_path: Path) -> None:
    broken.add(NAMES[0])
    with pytest.raises(RunError, match=rf"1 of 5 trainings failed: {NAMES[0]}: no longer finite; go on with: genocc"):
        ranked(tmp_path / "a", engine(2))
    assert {line["name"] for line in read_history(tmp_path / "a")} == set(NAMES[1:])
    broken.clear()
    again = engine(1)
    assert [one.name for one in ranked(tmp_path / "a", again, resume=True).topologies] == NAMES
    assert jobs(again) == ["normal-0", "both-0"]


def test_a_request_that_no_net_can_meet_leaves_nothing(broken: set[str], tmp_path: Path) -> None:
    broken.update(NAMES)
    with pytest.raises(RunError, match=rf"^{NAMES[0]}: no longer finite \(and 1 more of 2\)$"):
        ranked(tmp_path / "a", engine(2))
    assert not any(path.is_file() and path.name != ".lock" for path in tmp_path.rglob("*"))
    broken.clear()
    assert len(ranked(tmp_path / "a", engine(2)).topologies) == 5


def test_what_parts_found_after_their_driver_was_gone_counts(broken: set[str], tmp_path: Path) -> None:
    """The driver ends when its second job begins; that job ends later, by itself."""

    class GoneError(Exception):
        pass

    def go(job: Job) -> None:
        if job.name == "normal-1":
            module.run_part(job.folder)
            raise GoneError

    first = InProcess(go)
    first.jobs = 2
    with pytest.raises(GoneError):
        ranked(tmp_path / "a", first)
    again = engine(2)
    assert [one.name for one in ranked(tmp_path / "a", again, resume=True).topologies] == NAMES
    assert jobs(again) == ["both-0", "both-1"]


def test_looks_are_repeated_until_the_end_or_an_error() -> None:
    seen: list[str] = []
    with repeated(0.001, lambda: seen.append(threading.current_thread().name)):
        while len(seen) < 3:
            time.sleep(0.001)
    count = len(seen)
    assert set(seen) == {"genocc-ranking"}
    time.sleep(0.01)
    assert len(seen) == count

    def fail() -> None:
        seen.append("failed")
        raise DataError("broken")

    with repeated(0.001, fail):
        time.sleep(0.05)
    assert seen[count:] == ["failed"]
