"""``slurm``: jobs of a Slurm cluster, by submitit: one array per call, requeued at its time limit or when preempted.

submitit pickles what it submits: here a `Submission`, which has no state, and the texts of a job. Its files lie in the
folder ``slurm`` beside the run folders, with the numbers of jobs that were handed over (``jobs.json``): Slurm goes on
with them when the program that submitted them is killed, and the next one waits for them instead of submitting anew.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from genocc.configuration import Part
from genocc.engines.base import Engine, Job, Session
from genocc.engines.child import GRACE
from genocc.engines.command import KILLED, Command
from genocc.engines.local import THREADS
from genocc.errors import EngineError, GenoccError
from genocc.files import json_object, read_text, write_atomically
from genocc.machine import cores
from genocc.runs.folder import wait_until_free

FOLDER, SUBMITTED = "slurm", "jobs.json"
POLL = {"slurm": 1.0, "local": 0.05}
"""Seconds between two looks at the jobs, in which submitit asks Slurm itself more and more rarely."""
TIMEOUTS = 10_000
"""How often a job may reach its time limit and go on."""
PREEMPTED = 60.0
"""Seconds in which Slurm, after SIGTERM, ends a job and requeues it."""


class SlurmSettings(Part):
    """Settings of the engine; names are those of sbatch's options."""

    cluster: Literal["slurm", "local"] = Field(
        default="slurm", description="local: submitit's processes of this machine, to try things out"
    )
    partition: str | None = Field(default=None, description="partition")
    account: str | None = Field(default=None, description="account")
    qos: str | None = Field(default=None, description="quality of service")
    constraint: str | None = Field(default=None, description="features that a node has to have")
    time: int = Field(default=240, ge=1, description="time limit in minutes, after which a job is requeued and goes on")
    cpus_per_task: int = Field(default=1, ge=1, description="cores per job")
    gpus_per_node: int = Field(default=0, ge=0, description="GPUs per job")
    mem: int | None = Field(default=None, ge=1, description="memory per job in GB")
    signal: int = Field(default=90, ge=1, description="seconds before the time limit in which a job saves its state")
    setup: str | None = Field(default=None, description="shell command before a job, such as 'module load cuda'")
    more: str | None = Field(default=None, description='further options as JSON, such as {"nice": 100}')

    def parameters(self, jobs: int | None) -> dict[str, Any]:
        """Returns what `submitit.AutoExecutor.update_parameters` takes."""
        found: dict[str, Any] = {
            "name": "genocc",
            "timeout_min": self.time,
            "cpus_per_task": self.cpus_per_task,
            "gpus_per_node": self.gpus_per_node,
            "nodes": 1,
            "tasks_per_node": 1,
            "slurm_signal_delay_s": self.signal,
            "slurm_additional_parameters": {"requeue": True, **self._more()},
        }
        found |= {"mem_gb": self.mem} if self.mem else {}
        found |= {"slurm_array_parallelism": jobs} if jobs else {}
        if self.setup:
            found["slurm_setup"] = [self.setup]
        named = ("partition", "account", "qos", "constraint")
        return found | {f"slurm_{name}": value for name in named if (value := getattr(self, name)) is not None}

    def _more(self) -> dict[str, Any]:
        try:
            found = json.loads(self.more or "{}", object_pairs_hook=json_object)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise EngineError(f"--engine-set slurm.more: found '{self.more}'; expected a JSON object of sbatch options")
        return found


class Slurm(Engine):
    """Jobs of a Slurm cluster."""

    name: ClassVar[str] = "slurm"
    title: ClassVar[str] = "jobs of a Slurm cluster, by submitit"
    package: ClassVar[str] = "submitit"
    Settings: ClassVar[type[Part]] = SlurmSettings

    def open(self, jobs: Sequence[Job]) -> Session:
        settings: SlurmSettings = self.settings
        if settings.cluster == "slurm" and not (shutil.which("sbatch") and shutil.which("srun")):
            raise EngineError(
                "engine 'slurm': there is no sbatch here; log in to a node of the cluster that submits jobs, or try "
                "the engine out with --engine-set slurm.cluster=local"
            )
        here = settings.cluster == "local"
        most = min(self.jobs or cores(), len(jobs)) if here else len(jobs)
        return SlurmSession(settings, self.jobs, most, jobs[0].folder.absolute().parent / FOLDER)


class SlurmSession(Session):
    """Jobs that submitit has submitted.

    Args:
        settings: Of the engine.
        jobs: How many may run at a time.
        most: How many are submitted at a time.
        folder: For the files of submitit.
    """

    def __init__(self, settings: SlurmSettings, jobs: int | None, most: int, folder: Path) -> None:
        import submitit

        self.most, self._cluster, self._folder = most, settings.cluster, folder
        self._executor = submitit.AutoExecutor(
            folder, cluster=settings.cluster, slurm_max_num_timeout=TIMEOUTS, local_max_num_timeout=TIMEOUTS
        )
        self._executor.update_parameters(**settings.parameters(jobs))
        self._running: dict[str, tuple[Job, Any]] = {}
        self._submitted = _read(folder / SUBMITTED) if settings.cluster == "slurm" else {}

    def start(self, jobs: Sequence[Job]) -> None:
        waiting = [job for job in jobs if not self._adopt(job)]
        if not waiting:
            return
        try:
            with self._executor.batch():
                made = [self._executor.submit(Submission(), job.texts()) for job in waiting]
        except Exception as error:  # of any class: sbatch has refused, in its own words
            said = " ".join(str(error).split())[-300:]
            raise EngineError(f"engine 'slurm': the jobs cannot be submitted: {said}") from None
        self._running |= {job.name: (job, one) for job, one in zip(waiting, made, strict=True)}
        if self._cluster == "slurm":
            self._submitted |= {job.name: str(one.job_id) for job, one in zip(waiting, made, strict=True)}
            write_atomically(self._folder / SUBMITTED, json.dumps(self._submitted, indent=1) + "\n")

    def wait(self) -> tuple[Job, int, str]:
        while True:
            for name, (job, one) in self._running.items():
                if one.done():
                    del self._running[name]
                    return job, *_ended(one, lost=self._cluster == "local" and not one.paths.result_pickle.exists())
            time.sleep(POLL[self._cluster])

    def close(self) -> None:
        for _, one in self._running.values():
            one.cancel(check=False)
        if self._cluster == "local":  # its jobs are given a second only, the commands in them save their state first
            while not all(one.done() for _, one in self._running.values()):
                time.sleep(POLL["local"])
            for job, _ in self._running.values():
                wait_until_free(job.folder, GRACE)
        self._running.clear()

    def _adopt(self, job: Job) -> bool:
        """Takes over a job that an earlier program has submitted, if Slurm still has it."""
        import submitit

        number = self._submitted.pop(job.name, None)
        if number is None:
            return False
        one: Any = submitit.SlurmJob(self._folder, number)
        if one.done(force_check=True):
            return False
        self._running[job.name] = job, one
        return True


class Submission:
    """What a job of Slurm calls: the command, which saves its state before the job is requeued."""

    def __call__(self, texts: list[str]) -> list[str]:
        """Runs a job's command; returns its exit code and its message."""
        threads = os.environ.get("SLURM_CPUS_PER_TASK")
        environment = {THREADS: threads} if threads and THREADS not in os.environ else {}
        stopped = False

        def stop(number: int, frame: object) -> None:
            nonlocal stopped
            stopped = True
            command.ask_to_end()

        with closing(Command(texts, environment)) as command:
            self._command = command
            signal.signal(signal.SIGTERM, stop)
            code = command.wait()
            if stopped:  # Slurm ends this process too and, after a preemption, begins the job again
                time.sleep(PREEMPTED)
            return [str(code), command.message() if code else ""]

    def checkpoint(self, texts: list[str]) -> Any:
        """Called in the handler of the signal before a time limit: what is to be submitted again, once all is saved."""
        import submitit

        self._command.end()
        return submitit.helpers.DelayedSubmission(Submission(), texts)


def _ended(one: Any, lost: bool) -> tuple[int, str]:
    """The exit code and the message of a job that is done; submitit waits for a result that is not lost."""
    if lost:
        return KILLED, f"its process has died; see {one.paths.stderr}"
    try:
        code, message = one.result()
        return int(code), message
    except Exception as error:  # of any class: what the job's process raised, and what submitit says of one that died
        lines = [line.strip() for line in str(error).splitlines() if line.strip(" -")]
        said = (lines or [type(error).__name__])[-1]
        return KILLED, f"Slurm: {one.state}: {said[:200]}; see {one.paths.stderr}"


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    try:
        found = json.loads(read_text(path, limit=1 << 24))
        return {str(name): str(number) for name, number in found.items()}
    except (GenoccError, ValueError, AttributeError):
        raise EngineError(f"{path}: not what genocc wrote; remove it once its jobs have ended") from None
