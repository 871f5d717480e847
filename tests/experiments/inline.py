"""An engine for tests: jobs as calls in this process, which has imported PyTorch already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from typer.testing import CliRunner

from genocc.cli import app
from genocc.configuration import Part
from genocc.engines.base import Engine, Job, Session


class Inline(Engine):
    """Runs a job at a time, in this process.

    Attributes:
        failing: Parts of the names of jobs that fail without being run.
        ran: Names of those that were run, in order.
    """

    name: ClassVar[str] = "inline"

    def __init__(self, *failing: str) -> None:
        super().__init__(1, Part())
        self.failing, self.ran = failing, list[str]()

    def open(self, jobs: Sequence[Job]) -> Session:
        return InlineSession(self)


class InlineSession(Session):
    most = 1

    def __init__(self, engine: Inline) -> None:
        self.engine = engine
        self.jobs: list[Job] = []

    def start(self, jobs: Sequence[Job]) -> None:
        self.jobs += jobs

    def wait(self) -> tuple[Job, int, str]:
        job = self.jobs.pop()
        if any(part in job.name for part in self.engine.failing):
            return job, 2, "as the test asks"
        resume = ["--resume"] if job.folder.exists() else []
        self.engine.ran.append(job.name)
        result = CliRunner().invoke(app, [*job.arguments, "--device", "cpu", *resume], catch_exceptions=False)
        return job, result.exit_code, result.stderr.strip().rpartition("\n")[2]

    def close(self) -> None:
        self.jobs.clear()
