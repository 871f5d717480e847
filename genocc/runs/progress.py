"""Progress of a run: a live line on a terminal, one line per epoch elsewhere, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Progress:
    """Shows nothing; subclasses override what they show."""

    @contextmanager
    def running(self, title: str, steps: int, done: int) -> Iterator[None]:
        """Shows progress within the context, which is the whole loop.

        Args:
            title: Description of the run.
            steps: Number of steps of all epochs.
            done: Steps that an earlier process has done.
        """
        yield

    def step(self, where: str, seen: str, done: int) -> None:
        """Shows a step.

        Args:
            where: Epoch and phase.
            seen: Measurements of the epoch so far.
            done: Steps so far, of all epochs.
        """

    def epoch(self, text: str) -> None:
        """Shows an epoch that has ended."""

    def message(self, text: str) -> None:
        """Shows something else worth knowing."""


class ConsoleProgress(Progress):
    """On standard error: a bar with the time left on a terminal, and one line per epoch."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._live: Any = None

    @contextmanager
    def running(self, title: str, steps: int, done: int) -> Iterator[None]:
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self.message(title)
        columns = (TextColumn("{task.description}"), BarColumn(8), TimeRemainingColumn(compact=True))
        bar = Bar(
            *columns,
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
            redirect_stdout=False,  # which are the program's
            redirect_stderr=False,
        )
        with bar:
            self._live = (bar, bar.add_task("", total=steps, completed=done))
            yield

    def step(self, where: str, seen: str, done: int) -> None:
        bar, task = self._live
        bar.update(task, description=f"{where.removeprefix('epoch ')}  {seen}", completed=done)

    def epoch(self, text: str) -> None:
        self.message(text)

    def message(self, text: str) -> None:
        self._console.print(text, markup=False)
