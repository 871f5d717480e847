"""What is shown of a search while it runs: a live line on a terminal, a line an epoch elsewhere, or nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


class Progress:
    """Shows nothing; subclasses override what they show."""

    @contextmanager
    def running(self, title: str, steps: int, done: int) -> Iterator[None]:
        """Surrounds the loop.

        Args:
            title: What is searched.
            steps: All steps of all epochs.
            done: Steps done before, by an earlier process.
        """
        yield

    def step(self, where: str, numbers: Mapping[str, Any], edges: Mapping[str, int], done: int) -> None:
        """Is told about a step.

        Args:
            where: Epoch and phase.
            numbers: `Bilevel.numbers`: what the epoch's steps have seen so far.
            edges: Number of edges that each kind of cell would have now.
            done: Steps so far.
        """

    def epoch(self, line: Mapping[str, Any], epochs: int) -> None:
        """Is told about the end of an epoch: its line of the history."""

    def message(self, text: str) -> None:
        """Is told something else worth knowing."""


class ConsoleProgress(Progress):
    """On standard error: a bar with the time left on a terminal, and a line for each epoch."""

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
        with Bar(*columns, console=self._console, transient=True, disable=not self._console.is_terminal) as bar:
            self._live = (bar, bar.add_task("", total=steps, completed=done))
            yield

    def step(self, where: str, numbers: Mapping[str, Any], edges: Mapping[str, int], done: int) -> None:
        bar, task = self._live
        kinds = ("weights", "auxiliary", "architecture")
        seen = [numbers[kind] for kind in kinds if "loss" in numbers.get(kind, {})]  # not before its first step
        losses = " | ".join(f"{kind['loss']:.2f}" for kind in seen)
        accuracies = " | ".join(f"{kind['accuracy']:.0%}" for kind in seen)
        live = " + ".join(map(str, edges.values()))
        # short enough for 80 columns, the bar included
        text = f"{where.removeprefix('epoch ')}  loss {losses}  acc {accuracies}  edges {live}"
        bar.update(task, description=text, completed=done)

    def epoch(self, line: Mapping[str, Any], epochs: int) -> None:
        edges = {kind: sum(counts) for kind, counts in line["edges_per_node"].items()}
        self.message(
            f"epoch {line['epoch']:>{len(str(epochs))}}/{epochs}  loss {line['weights']['loss']:.3f}  "
            f"accuracy {line['validation_accuracy']:.3f}  child net {line['child_accuracy']:.3f}  {_edges(edges)}  "
            f"{line['seconds']:.1f} s"
        )

    def message(self, text: str) -> None:
        self._console.print(text, markup=False)


def _edges(edges: Mapping[str, int]) -> str:
    return "edges " + ", ".join(f"{count} {kind}" for kind, count in edges.items())
