"""Processes of this machine: what they share, and how they end with their driver."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from genocc.engines import command, local
from genocc.engines.base import Engine, choose
from genocc.engines.local import cores, gpus_of
from genocc.errors import EngineError
from tests.engines.jobs import WORKER, alive, begun, job, until


def engine(jobs: int, **settings: str) -> Engine:
    return choose("local", jobs=jobs, settings={f"local.{name}": value for name, value in settings.items()})


def test_cores_are_shared_unless_the_user_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "cores", lambda: 6)
    monkeypatch.delenv("OMP_NUM_THREADS")
    done = job(tmp_path)
    list(engine(2).run([done, job(tmp_path, "unsound")]))
    assert "threads=3" in begun(done)[0]
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    list(engine(2).run([done]))
    assert "threads=5" in begun(done)[1]


def test_each_job_gets_a_gpu(tmp_path: Path) -> None:
    jobs = [job(tmp_path, name=f"{number}") for number in range(3)]
    list(engine(1, gpus="4,7").run(jobs))
    assert {begun(one)[0].partition("gpu=")[2] for one in jobs} == {"4"}  # the first that is free
    with closing(choose("local", settings={"local.gpus": "4,7"}).open(jobs)) as session:
        assert session.most == 2
        session.start([job(tmp_path, "endless", name) for name in "ab"])
        for name, gpu in ("a", "4"), ("b", "7"):
            until((tmp_path / name / "ready").exists)
            assert begun(job(tmp_path, name=name))[0].endswith(f"gpu={gpu}")


@pytest.mark.parametrize(
    ("setting", "visible", "found"),
    [("none", None, []), ("0,2", "1", ["0", "2"]), ("all", "", []), ("all", "1,GPU-ab", ["1", "GPU-ab"])],
)
def test_the_gpus_of_a_machine(
    setting: str, visible: str | None, found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpus_of(setting) == found


def test_the_driver_of_nvidia_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\nprintf '0\\n1\\n'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert gpus_of("all") == ["0", "1"]
    program.write_text("#!/bin/sh\nexit 9\n")
    assert gpus_of("all") == []
    with pytest.raises(EngineError, match="expected all, none, or such as 0,1"):
        gpus_of("0,,1")


def test_without_a_number_there_is_a_job_per_core(tmp_path: Path) -> None:
    jobs = [job(tmp_path, name=str(number)) for number in range(cores() + 1)]
    session = choose("local", settings={"local.gpus": "none"}).open(jobs)
    assert session.most == cores()
    session.close()


def test_jobs_are_asked_to_end_and_then_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "GRACE", 0.3)
    jobs = [job(tmp_path, "endless"), job(tmp_path, "stubborn"), job(tmp_path)]
    outcomes = engine(3).run(jobs)
    assert next(outcomes).job.name == "done"
    for one in jobs[:2]:
        until((one.folder / "ready").exists)
    outcomes.close()
    assert (tmp_path / "endless" / "saved").exists()
    assert not any(alive(int((one.folder / "pid").read_text())) for one in jobs)


DRIVER = """
import sys
from pathlib import Path
from genocc.engines.base import Job, choose
folder = Path(sys.argv[1])
jobs = [Job(name, ("endless", "--out", str(folder / name)), folder / name, Path(sys.argv[2])) for name in "ab"]
try:
    list(choose("local", jobs=2).run(jobs))
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_jobs_end_with_their_driver_and_save_their_state(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", DRIVER, tmp_path, WORKER]) as driver:
        for name in "ab":
            until((tmp_path / name / "ready").exists)
        pids = [int((tmp_path / name / "pid").read_text()) for name in "ab"]
        assert all(map(alive, pids))
        driver.send_signal(number)
        assert driver.wait(20) == (130 if number == signal.SIGINT else -number)
    if number == signal.SIGINT:
        assert not any(map(alive, pids))
    until(lambda: not any(map(alive, pids)))
    assert all((tmp_path / name / "saved").exists() for name in "ab")
