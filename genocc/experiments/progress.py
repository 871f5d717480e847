"""Progress of an experiment: how many of its jobs are done, running, failed, and when it will end."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import mean
from types import TracebackType
from typing import Any, Self

from genocc.experiments.plan import Step
from genocc.runs.costs import format_duration


class JobsProgress:
    """Counts jobs and foretells the end; shows nothing. Subclasses override `message` and `update`."""

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[str, str]] = {}
        self._seconds: dict[tuple[str, str], list[float]] = {}
        self._running: dict[str, float] = {}
        self._most = 1
        self.done: set[str] = set()
        self.failed: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        return None

    def begin(self, steps: Iterable[Step], done: Iterable[str], history: Sequence[Mapping[str, Any]]) -> None:
        """Takes up an experiment.

        Args:
            steps: All its jobs.
            done: Names of those that are done already.
            history: What is known of earlier ones: ``job`` and ``seconds``.
        """
        self._kinds = {step.name: (step.name.partition("/")[0], step.kind) for step in steps}
        self.done = set(done)
        for line in history:
            name, seconds = line.get("job"), line.get("seconds")
            if line.get("ok") and name in self.done and isinstance(seconds, (int, float)):
                self._seconds.setdefault(self._kinds[str(name)], []).append(float(seconds))
        self.message(self.summary())

    def started(self, name: str) -> None:
        """Notes that a job has begun."""
        self._running[name] = time.monotonic()
        self._most = max(self._most, len(self._running))
        self.update()

    def ended(self, name: str, ok: bool, seconds: float, message: str) -> None:
        """Notes that a job has ended."""
        self._running.pop(name, None)
        if ok:
            self.done.add(name)
            self._seconds.setdefault(self._kinds[name], []).append(seconds)
            self.message(f"{name}: done in {format_duration(seconds)}. {self.summary()}")
        else:
            self.failed.add(name)
            self.message(f"{name}: {message}. {self.summary()}")
        self.update()

    def summary(self) -> str:
        """Returns the state in a line."""
        found = f"{len(self.done)} of {len(self._kinds)} done, {len(self._running)} running, {len(self.failed)} failed"
        left, whole = self.seconds_left()
        if not left:
            return found
        end = datetime.now() + timedelta(seconds=left)
        day = "" if end.date() == datetime.now().date() else f"{end:%a %d %b} "
        when = "ends at about" if whole else "ends not before"
        return f"{found}; {when} {day}{end:%H:%M}, in {format_duration(left)}"

    def seconds_left(self) -> tuple[float, bool]:
        """Returns how long it will take, by the jobs of the same row, or else of the same kind.

        And whether that is known of all jobs: what is not known counts as nothing.
        """
        now = time.monotonic()
        total, longest, whole = 0.0, 0.0, True
        for name in self._kinds.keys() - self.done - self.failed:
            expected = self._expected(name)
            whole = whole and expected is not None
            left = max((expected or 0.0) - (now - self._running.get(name, now)), 0.0)
            total, longest = total + left, max(longest, left)
        return max(total / self._most, longest), whole

    def _expected(self, name: str) -> float | None:
        row, kind = self._kinds[name]
        same = self._seconds.get((row, kind)) or [
            seconds for (_, other), found in self._seconds.items() if other == kind for seconds in found
        ]
        return mean(same) if same else None

    def message(self, text: str) -> None:
        """Shows a line."""

    def update(self) -> None:
        """Shows the state anew."""


class ConsoleJobsProgress(JobsProgress):
    """On standard error: a line per job, and on a terminal a bar below them."""

    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._bar = Progress(
            BarColumn(20),
            TextColumn("{task.description}"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
            redirect_stdout=False,  # which are the program's
            redirect_stderr=False,
        )
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> Self:
        self._bar.start()
        self.update()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def message(self, text: str) -> None:
        self._console.print(text, markup=False)

    def update(self) -> None:
        self._bar.update(
            self._task, description=self.summary(), total=len(self._kinds), completed=len(self.done | self.failed)
        )
