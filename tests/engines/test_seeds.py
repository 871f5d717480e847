"""Several seeds as jobs of an engine: the same results, what fails, what is resumed, and the real thing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

import genocc
from genocc.engines.base import Job, choose, engine_type
from genocc.engines.seeds import _Jobs
from genocc.errors import ConfigError, RunError
from genocc.runs.reading import LOCK, RUN_GENOTYPE, RUN_SEEDS, read_history
from genocc.searchers.seeds import run_seeds
from genocc.training.seeds import run_training_seeds
from tests.engines.in_process import InProcess
from tests.engines.jobs import alive, until
from tests.engines.test_base import SETTINGS
from tests.searchers.small import SMALL, assert_same, small
from tests.training import tiny


def test_searches_of_an_engine_are_those_of_this_process(tmp_path: Path) -> None:
    config, engine = small("darts", "weights.learning_rate=0.1", "schedule.epochs=1"), InProcess()
    here = run_seeds(config, 2, tmp_path / "here", device="cpu")
    there = run_seeds(config, 2, tmp_path / "there", device="cpu", engine=engine, track=["tensorboard"])
    for seed in ("seed-0", "seed-1"):
        assert_same(tmp_path / "here" / seed, tmp_path / "there" / seed)
    assert (tmp_path / "here" / RUN_GENOTYPE).read_bytes() == (tmp_path / "there" / RUN_GENOTYPE).read_bytes()
    assert [one.path.name for one in there.seeds] == ["seed-0", "seed-1"]
    assert there.path.name == here.path.name
    folder, track = str(tmp_path / "there" / "seed-1"), ("--track", "tensorboard")
    assert engine.ran[1] == ("search", "--out", folder, "--device", "cpu", *track, "--resume")
    assert len(list(tmp_path.rglob("tensorboard.json"))) == 2
    assert (tmp_path / "here" / "config.json").read_bytes() == (tmp_path / "there" / "config.json").read_bytes()
    (tmp_path / "there" / RUN_GENOTYPE).unlink()
    shutil.rmtree(tmp_path / "there" / "seed-1")
    shutil.copytree(tmp_path / "there" / "seed-0", tmp_path / "there" / "seed-1")
    with pytest.raises(RunError, match=r"seed-1/config.json: seed \(--seed\) is 0, not 1"):
        run_seeds(config, 2, tmp_path / "there", device="cpu", engine=engine, resume=True)


def test_trainings_of_an_engine_are_those_of_this_process(tmp_path: Path) -> None:
    config = tiny.tiny("schedule.epochs=1", "data.validation=30")
    for name, engine in ("here", None), ("there", InProcess()):
        run_training_seeds(tiny.GENOTYPE, config, 2, tmp_path / name, device="cpu", engine=engine)
    tiny.assert_same(tmp_path / "here" / "seed-1", tmp_path / "there" / "seed-1")
    assert (tmp_path / "here" / RUN_SEEDS).read_bytes() == (tmp_path / "there" / RUN_SEEDS).read_bytes()


def test_what_fails_is_reported_when_the_others_have_ended(tmp_path: Path) -> None:
    def damage(job: Job) -> None:
        if job.name == "seed-0":
            (job.folder / "config.json").write_text("{}")

    config = small("darts", "schedule.epochs=1")
    with pytest.raises(RunError) as error:
        run_seeds(config, 2, tmp_path / "a", device="cpu", engine=InProcess(damage))
    assert "1 of 2 runs failed: seed-0: " in str(error.value)
    assert f"go on with: genocc search --out {tmp_path / 'a'} --resume" in str(error.value)
    assert "seed-0  failed after" in (tmp_path / "a" / "log.txt").read_text()
    (tmp_path / "a" / "seed-0" / "config.json").unlink()
    engine = InProcess()
    run_seeds(config, 2, tmp_path / "a", device="cpu", resume=True, engine=engine)
    assert [Path(line[2]).name for line in engine.ran] == ["seed-0"]
    run_seeds(config, 2, tmp_path / "b", device="cpu")
    assert_same(tmp_path / "a" / "seed-0", tmp_path / "b" / "seed-0")


def test_a_run_that_an_engine_still_has_is_not_touched(tmp_path: Path) -> None:
    """As with Slurm, whose jobs outlive the program that submitted them: the next one takes them over."""

    class GoneError(Exception):
        pass

    def go(job: Job) -> None:
        raise GoneError

    config = small("darts", "schedule.epochs=1")
    with pytest.raises(GoneError):
        run_seeds(config, 1, tmp_path / "a", device="cpu", engine=InProcess(go))
    lock = FileLock(tmp_path / "a" / "seed-0" / LOCK)
    lock.acquire()
    found = run_seeds(
        config, 1, tmp_path / "a", device="cpu", resume=True, engine=InProcess(lambda job: lock.release())
    )
    assert len(found.seeds) == 1


def test_a_search_over_its_budget_counts(tmp_path: Path) -> None:
    """Its command ends with 1, and its result is there."""
    found = run_seeds(
        small("darts", "budget.max_macs=100", "schedule.epochs=1"), 1, tmp_path / "a", device="cpu", engine=InProcess()
    )
    assert found.excess


def test_a_wrong_request_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"seed-0: .*images are asked for"):
        run_seeds(small("darts", "data.training=100000"), 2, tmp_path / "a", device="cpu", engine=InProcess())
    assert not (tmp_path / "a").exists()


def test_one_run_needs_no_engine(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--engine in-process: runs several jobs, and one search is asked for"):
        genocc.search(tmp_path / "a", data="fake", engine=InProcess())
    with pytest.raises(ConfigError, match="one training is asked for"):
        genocc.train(tiny.GENOTYPE, tmp_path / "a", data="fake", engine=InProcess())
    assert not (tmp_path / "a").exists()


LINE = ["search", "--method", "darts", "--preset", "cifar", "--seeds", "3", "--device", "cpu", "--jobs", "2"]


@pytest.mark.full
@pytest.mark.parametrize("name", ["local", "slurm", "ray"])
def test_three_searches_of_which_one_fails_and_one_is_killed(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real commands in real processes: equal results from all engines, whatever happened on the way."""
    if reason := engine_type(name).lacks():
        pytest.skip(reason)
    engine, config = choose(name, jobs=2, settings=SETTINGS[name]), small("darts", "schedule.epochs=6")
    killed = tmp_path / "a" / "seed-1"
    original = _Jobs._job

    def spoiled(self: _Jobs[Any, Any], folder: Path) -> Job:
        job = original(self, folder)
        return replace(job, arguments=(*job.arguments, "--epochs", "3")) if folder.name == "seed-2" else job

    def kill() -> None:
        until(lambda: (killed / "history.jsonl").exists() and len(read_history(killed)) > 1, 300)
        for pid in children(killed):
            os.kill(pid, signal.SIGKILL)

    monkeypatch.setattr(_Jobs, "_job", spoiled)
    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(RunError) as error:
        run_seeds(config, 3, tmp_path / "a", device="cpu", engine=engine)
    killer.join()
    assert "1 of 3 runs failed: seed-2: " in str(error.value)
    assert "schedule.epochs (--epochs) is 6, not 3" in str(error.value)
    assert "goes on in epoch" in (killed / "log.txt").read_text()
    run_seeds(config, 2, tmp_path / "b", device="cpu")
    for seed in ("seed-0", "seed-1"):
        assert_same(tmp_path / "a" / seed, tmp_path / "b" / seed)


def children(folder: Path) -> list[int]:
    """The processes of the job that writes a run folder."""
    if not Path("/proc/self/cmdline").exists():
        pytest.skip("no /proc to see processes in")
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = path.read_bytes().decode("utf-8", "replace").split("\0")
            if "genocc.engines.child" in words and str(folder) in words:
                found.append(int(path.parent.name))
    assert found
    return found


@pytest.mark.full
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_driver_is_stopped_or_killed_and_goes_on(tmp_path: Path, number: signal.Signals) -> None:
    settings = [text for one in (*SMALL, "schedule.epochs=6") for text in ("--set", one)]
    line = [sys.executable, "-m", "genocc", *LINE, *settings, "--out", str(tmp_path / "a")]
    with subprocess.Popen(line, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as driver:
        until(lambda: (tmp_path / "a" / "seed-0" / "history.jsonl").exists(), 300)
        driver.send_signal(number)
        _, said = driver.communicate(timeout=120)
    assert driver.returncode == (130 if number == signal.SIGINT else -number)
    if number == signal.SIGINT:
        assert "go on with: genocc search --out" in said
    done = subprocess.run([*line[:3], "search", "--out", str(tmp_path / "a"), "--resume", "--jobs", "2", "--json"],
                          cwd=tmp_path, capture_output=True, text=True, check=True)  # fmt: skip
    assert len(json.loads(done.stdout)["seeds"]) == 3
    run_seeds(small("darts", "schedule.epochs=6"), 3, tmp_path / "b", device="cpu")
    for seed in range(3):
        assert_same(tmp_path / "a" / f"seed-{seed}", tmp_path / "b" / f"seed-{seed}")
        assert read_history(tmp_path / "a" / f"seed-{seed}")
    assert not alive(driver.pid)
