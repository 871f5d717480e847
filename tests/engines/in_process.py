"""An engine for tests: jobs run one after another in this process, which has imported PyTorch already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from typer.testing import CliRunner

from genocc.cli import app
from genocc.configuration import Part
from genocc.engines.base import Engine, Job, Session


class InProcess(Engine):
    """Runs commands as `genocc.engines.child` does.

    Attributes:
        ran: The command lines so far.
        before: Called with each job before it begins.
    """

    name: ClassVar[str] = "in-process"
    title: ClassVar[str] = "this process"

    def __init__(self, before: Callable[[Job], None] = lambda job: None) -> None:
        super().__init__(1, Part())
        self.ran: list[tuple[str, ...]] = []
        self.before = before

    def open(self, jobs: Sequence[Job]) -> Session:
        return _Session(self)

    def end(self, job: Job) -> tuple[int, str]:
        """Runs a job; returns its exit code and what it said of its failure."""
        self.before(job)
        line = (*job.arguments, *(["--resume"] if job.folder.exists() else []))
        self.ran.append(line)
        result = CliRunner().invoke(app, list(line), catch_exceptions=False)
        return result.exit_code, result.stderr.rstrip().rpartition("error: ")[2] if result.exit_code else ""


class _Session(Session):
    most = 1

    def __init__(self, engine: InProcess) -> None:
        self.engine = engine

    def start(self, jobs: Sequence[Job]) -> None:
        (self.job,) = jobs

    def wait(self) -> tuple[Job, int, str]:
        return self.job, *self.engine.end(self.job)

    def close(self) -> None:
        pass
