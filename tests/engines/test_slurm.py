"""Jobs of Slurm: submitit's own local cluster, and programs that stand for sbatch, sacct and scancel."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genocc.engines.base import Engine, choose, engine_type
from genocc.engines.slurm import SlurmSession, SlurmSettings, Submission
from genocc.errors import EngineError
from tests.engines.jobs import alive, begun, job, until

if reason := engine_type("slurm").lacks() or (sys.platform != "linux" and "Slurm runs on Linux"):
    pytest.skip(reason, allow_module_level=True)


def local(jobs: int = 2) -> Engine:
    return choose("slurm", jobs=jobs, settings={"slurm.cluster": "local"})


def once(condition: Callable[[], bool], act: Callable[[], None]) -> threading.Thread:
    """Does something in another thread as soon as a condition holds."""

    def wait() -> None:
        until(condition)
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_a_preempted_job_saves_its_state_and_is_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The signal that comes before a time limit or a preemption, then what submitit's cluster does: a requeue."""
    one = job(tmp_path, "preempted")
    submitted: list[Any] = []

    def start(self: SlurmSession, jobs: Any) -> None:
        original(self, jobs)
        submitted.extend(found for _, found in self._running.values())

    original = SlurmSession.start
    monkeypatch.setattr(SlurmSession, "start", start)
    thread = once((one.folder / "ready").exists, lambda: preempt(submitted[0]))
    (outcome,) = local().run([one])
    thread.join()
    assert (outcome.ok, outcome.attempts) == (True, 1)
    assert [line.partition("]")[0] for line in begun(one)] == ["[", "['--resume'"]
    assert (one.folder / "saved").exists()
    assert not list((tmp_path / "slurm").glob("jobs.json"))


def preempt(one: Any) -> None:
    """As Slurm does: USR2 to the process of the task, here the child of submitit's controller."""
    controller = int(one.job_id)
    (task,) = Path(f"/proc/{controller}/task/{controller}/children").read_text().split()
    os.kill(int(task), signal.SIGUSR2)


def test_a_worker_that_is_killed_takes_its_command_along(tmp_path: Path) -> None:
    one = job(tmp_path, "preempted")

    def kill() -> None:
        pid = int((one.folder / "pid").read_text())
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(parent, signal.SIGKILL)

    thread = once((one.folder / "ready").exists, kill)
    (outcome,) = local().run([one])
    thread.join()
    assert (outcome.ok, outcome.attempts) == (True, 2)
    assert (one.folder / "saved").exists()


def test_jobs_are_ended_with_their_state_saved(tmp_path: Path) -> None:
    endless = job(tmp_path, "endless")
    outcomes = local().run([endless, job(tmp_path)])
    assert next(outcomes).job.name == "done"
    until((endless.folder / "ready").exists)
    pid = int((endless.folder / "pid").read_text())
    outcomes.close()
    until(lambda: not alive(pid))
    assert (endless.folder / "saved").exists()


def test_settings_reach_sbatch_and_jobs_outlive_their_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is submitted; a second program waits for the jobs of one that was killed, and cancels them at its end."""
    cluster(tmp_path, monkeypatch, state="RUNNING")
    settings = {"partition": "gpu", "time": "90", "gpus_per_node": "1", "more": '{"nice": 100}', "mem": "12"}
    engine = choose("slurm", jobs=2, settings={f"slurm.{name}": value for name, value in settings.items()})
    jobs = [job(tmp_path / "runs", name=name) for name in "abc"]
    session = engine.open(jobs)
    session.start(jobs)
    lines = set((tmp_path / "script").read_text().splitlines())
    expected = ("partition=gpu", "time=90", "gpus-per-node=1", "nice=100", "mem=12GB", "array=0-2%2", "requeue",
                "signal=USR2@90", "cpus-per-task=1")  # fmt: skip
    assert {f"#SBATCH --{text}" for text in expected} <= lines
    submitted = json.loads((tmp_path / "runs" / "slurm" / "jobs.json").read_text())
    assert submitted == {"a": "12_0", "b": "12_1", "c": "12_2"}
    (tmp_path / "script").unlink()
    again = engine.open(jobs)  # as by another program
    again.start(jobs)
    assert not (tmp_path / "script").exists()
    again.close()
    assert (tmp_path / "cancelled").read_text().split() == ["12_0", "12_1", "12_2"]
    session._running.clear()  # type: ignore[attr-defined]


def test_a_job_that_slurm_gave_up_is_submitted_again_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import submitit

    monkeypatch.setattr(submitit.SlurmJob, "_results_timeout_s", 0)
    cluster(tmp_path, monkeypatch, state="NODE_FAIL")
    (outcome,) = choose("slurm").run([job(tmp_path / "runs")])
    assert (outcome.ok, outcome.attempts) == (False, 2)
    assert outcome.message.startswith("Slurm: NODE_FAIL: ")


def cluster(folder: Path, monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    """Programs in the place of Slurm's: they keep what they are given, and say that jobs have a state."""
    import submitit

    programs = {
        "srun": "exit 1",
        "sbatch": f'cp "$1" {folder}/script; echo "Submitted batch job 12"',
        "scancel": f'echo "$1" >> {folder}/cancelled',
        "sacct": f"printf 'JobID|State|NodeList\\n'; for n in 12 12_0 12_1 12_2; do printf \"$n|{state}|n1\\n\"; done",
    }
    (folder / "bin").mkdir()
    for name, text in programs.items():
        (folder / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder / "bin"), prepend=os.pathsep)
    submitit.SlurmJob.watcher.clear()


def test_without_slurm_there_is_a_way_to_try() -> None:
    with pytest.raises(EngineError, match=r"there is no sbatch here.*--engine-set slurm\.cluster=local"):
        choose("slurm").run([job(Path("a"))]).__next__()


def test_a_refused_submission_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(tmp_path, monkeypatch, state="RUNNING")
    (tmp_path / "bin" / "sbatch").write_text("#!/bin/sh\necho 'invalid partition specified: gpu' >&2\nexit 1\n")
    with pytest.raises(EngineError, match=r"cannot be submitted: .*invalid partition specified: gpu"):
        list(choose("slurm").run([job(tmp_path / "runs")]))


@pytest.mark.parametrize("more", ["[1]", "nice"])
def test_further_options_are_an_object(more: str) -> None:
    with pytest.raises(EngineError, match="expected a JSON object of sbatch options"):
        SlurmSettings(more=more).parameters(None)


def test_the_list_of_jobs_is_read_with_care(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(tmp_path, monkeypatch, state="RUNNING")
    (tmp_path / "runs" / "slurm").mkdir(parents=True)
    (tmp_path / "runs" / "slurm" / "jobs.json").write_text("[]")
    with pytest.raises(EngineError, match=r"jobs\.json: not what genocc wrote"):
        choose("slurm").open([job(tmp_path / "runs")])


def test_a_job_has_the_threads_that_slurm_gave_it_and_ends_with_sigterm(tmp_path: Path) -> None:
    one = job(tmp_path, "endless")
    program = "import sys, genocc.engines.slurm as s; s.PREEMPTED = 0; print(s.Submission()(sys.argv[1:]))"
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    with subprocess.Popen([sys.executable, "-c", program, *one.texts()], stdout=subprocess.PIPE, text=True,
                          env={**environment, "SLURM_CPUS_PER_TASK": "3"}) as process:  # fmt: skip
        until((one.folder / "ready").exists)
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=20)[0].startswith("['130', ")
    assert "threads=3" in begun(one)[0]
    assert (one.folder / "saved").exists()


def test_what_is_submitted_has_no_state() -> None:
    assert vars(Submission()) == {}
