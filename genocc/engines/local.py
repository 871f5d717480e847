"""``local``: processes of this machine. GPUs are dealt out, one per job; cores are shared in equal parts."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from typing import ClassVar

from pydantic import Field

from genocc.configuration import Part
from genocc.engines.base import Engine, Job, Session
from genocc.engines.command import Command
from genocc.errors import EngineError, quoted
from genocc.machine import cores

THREADS = "OMP_NUM_THREADS"
VISIBLE = "CUDA_VISIBLE_DEVICES"
ALL, NONE = "all", "none"


class LocalSettings(Part):
    """Settings of the engine."""

    gpus: str = Field(default=ALL, description="GPUs to deal out: all, none, or numbers with commas between them")


class Local(Engine):
    """Processes of this machine."""

    name: ClassVar[str] = "local"
    title: ClassVar[str] = "processes of this machine"
    Settings: ClassVar[type[Part]] = LocalSettings

    @property
    def width(self) -> int:
        return self.jobs or cores()

    def open(self, jobs: Sequence[Job]) -> Session:
        gpus = gpus_of(self.settings.gpus) if any(job.uses_gpu for job in jobs) else []
        most = min(self.jobs or len(gpus) or cores(), len(jobs))
        return LocalSession(most, gpus)


class LocalSession(Session):
    """Processes, and a thread per process that waits for its end.

    Args:
        most: How many run at a time.
        gpus: What `CUDA_VISIBLE_DEVICES` may say, a GPU each.
    """

    def __init__(self, most: int, gpus: Sequence[str]) -> None:
        self.most = most
        self._gpus = Counter(dict.fromkeys(gpus, 0))
        self._running: dict[str, tuple[Job, Command, str | None]] = {}
        self._ended: SimpleQueue[str] = SimpleQueue()

    def start(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            environment = {} if THREADS in os.environ else {THREADS: str(max(1, cores() // self.most))}
            gpu = None
            if self._gpus and job.uses_gpu:
                gpu = min(self._gpus, key=lambda one: self._gpus[one])  # the one with the fewest jobs
                self._gpus[gpu] += 1
                environment[VISIBLE] = gpu
            command = Command(job.texts(), environment)
            self._running[job.name] = job, command, gpu
            threading.Thread(target=self._await, args=(job.name, command), daemon=True).start()

    def wait(self) -> tuple[Job, int, str]:
        while True:
            try:
                name = self._ended.get(timeout=1)  # Windows would hear no Ctrl-C without a limit
                break
            except Empty:
                continue
        job, command, gpu = self._running.pop(name)
        if gpu is not None:
            self._gpus[gpu] -= 1
        code = command.wait()
        command.close()
        return job, code, command.message() if code else ""

    def close(self) -> None:
        commands = [command for _, command, _ in self._running.values()]
        for command in commands:
            command.ask_to_end()
        for command in commands:  # they have the same time, all together
            command.close()
        self._running.clear()

    def _await(self, name: str, command: Command) -> None:
        command.wait()
        self._ended.put(name)


def gpus_of(setting: str) -> list[str]:
    """Returns the GPUs that a setting means, as `CUDA_VISIBLE_DEVICES` names them; raises EngineError."""
    if setting == NONE:
        return []
    if setting != ALL:
        named = [text.strip() for text in setting.split(",")]
        if not all(named) or len(set(named)) < len(named):
            raise EngineError(f"--engine-set local.gpus: found {quoted(setting)}; expected all, none, or such as 0,1")
        return named
    if (visible := os.environ.get(VISIBLE)) is not None:
        return [text.strip() for text in visible.split(",") if text.strip() and text.strip() != "-1"]
    if not (program := shutil.which("nvidia-smi")):
        return []
    done = subprocess.run(
        [program, "--query-gpu=index", "--format=csv,noheader"], capture_output=True, text=True, check=False
    )
    return done.stdout.split() if done.returncode == 0 else []
