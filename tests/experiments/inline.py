"""An engine for tests of experiments: in this process, with jobs that fail because the test asks."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from genocc.engines.base import Job
from tests.engines.in_process import InProcess


class Inline(InProcess):
    """Runs a job at a time, in this process and on the CPU.

    Attributes:
        failing: Parts of the names of jobs that fail without being run.
        names: Names of those that were run, in order.
    """

    name: ClassVar[str] = "inline"

    def __init__(self, *failing: str) -> None:
        super().__init__()
        self.failing, self.names = failing, list[str]()

    def end(self, job: Job) -> tuple[int, str]:
        if any(part in job.name for part in self.failing):
            return 2, "as the test asks"
        self.names.append(job.name)
        return super().end(replace(job, arguments=(*job.arguments, "--device", "cpu")))
