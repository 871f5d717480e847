"""The numbers of searches and trainings that a table's columns can show, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from genocc.errors import RunError
from genocc.latency.prediction import LATENCY
from genocc.results.run_data import RunData
from genocc.runs.costs import Costs
from genocc.runs.epochs import best_epoch, kept_top1, number_at
from genocc.runs.history import read_test
from genocc.runs.reading import RUN_TEST

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Record:
    """A finished run.

    Attributes:
        data: What its folder says.
        line: The line of the history whose accuracies count: the last one, or that of the epoch that was trained.
        costs: Of all its epochs.
        final: Whether the line is the last.
    """

    data: RunData
    line: Line
    costs: Costs
    final: bool

    @classmethod
    def of(cls, data: RunData, epoch: int | None = None) -> Record:
        """Returns the record of a run, after an epoch or at its end; raises RunError where it has no such epoch."""
        if epoch is not None and epoch > len(data.history):
            raise RunError(f"{data.path}: has {len(data.history)} epochs; expected at least {epoch}")
        number = len(data.history) if epoch is None else epoch
        return cls(data, data.history[number - 1], data.costs, number == len(data.history))

    def at(self, path: str) -> float | None:
        """The number at a dotted path of the line."""
        return number_at(self.line, path)

    def edges(self, kind: str) -> float | None:
        """Number of edges of a kind of cell."""
        per_node = self.line.get("edges_per_node", {}).get(kind)
        return None if per_node is None else float(sum(per_node))

    def count(self, name: str) -> float | None:
        """``parameters`` or ``macs`` of the target net of a search's result, or of the net that was trained."""
        counts = self.data.counts if self.final else None
        return None if counts is None else float(getattr(counts.total, name))

    def latency(self) -> float | None:
        """Predicted latency of the target net of a search's result, which had a budget of it; seconds."""
        found = self.data.genotype.metadata.get(LATENCY) if self.final and self.data.genotype else None
        return found if isinstance(found, float) else None

    def tested(self) -> float | None:
        """Top-1 accuracy of the best weights on the test images, where held-out images have chosen them."""
        folder = self.data.reported
        return float(read_test(folder)["top1"]) if (folder / RUN_TEST).exists() else None


Reader = Callable[[Record], float | None]

_COSTS: dict[str, tuple[str, Reader]] = {
    "seconds": ("wall-clock time of all epochs", lambda run: run.costs.seconds),
    "seconds_per_epoch": ("their mean", lambda run: run.costs.seconds_per_epoch),
    "gpu_days": ("GPUs times days; 0 on a CPU", lambda run: run.costs.gpu_days),
    "peak_memory": ("resident memory, bytes", lambda run: _float(run.costs.peak_memory)),
    "peak_device_memory": ("memory allocated on the GPU, bytes", lambda run: _float(run.costs.peak_device_memory)),
    "epochs": ("number of epochs", lambda run: float(len(run.data.history))),
}
_SEARCH: dict[str, tuple[str, Reader]] = {
    "validation_accuracy": ("of the super-net", lambda run: run.at("validation_accuracy")),
    "child_accuracy": ("of the derived net with the super-net's weights", lambda run: run.at("child_accuracy")),
    "child_accuracy_stale": (
        "the same with the super-net's BN statistics",
        lambda run: run.at("child_accuracy_stale"),
    ),
    "auxiliary_accuracy": (
        "of IST's auxiliary model; without IST, of the super-net",
        lambda run: _first(run.at("auxiliary.validation_accuracy"), run.at("validation_accuracy")),
    ),
    "edges.normal": ("edges of the normal cell", lambda run: run.edges("normal")),
    "edges.reduction": ("edges of the reduction cell", lambda run: run.edges("reduction")),
    "skips.normal": ("skip connections of the normal cell", lambda run: run.at("skip_connections.normal")),
    "skips.reduction": ("skip connections of the reduction cell", lambda run: run.at("skip_connections.reduction")),
    "entropy.normal": ("how undecided the normal cell is, nats", lambda run: run.at("entropy.normal")),
    "entropy.reduction": ("how undecided the reduction cell is, nats", lambda run: run.at("entropy.reduction")),
    "undecided": ("sentences about what was left to chance", lambda run: float(len(run.data.undecided))),
    "parameters": ("of the target net", lambda run: run.count("parameters")),
    "macs": ("of the target net", lambda run: run.count("macs")),
    "latency": ("predicted, of the target net, where the search has a profile of latencies", Record.latency),
    **_COSTS,
}
_TRAIN: dict[str, tuple[str, Reader]] = {
    "last": ("top-1 accuracy after the last epoch", lambda run: kept_top1(run.line)),
    "best": (
        "top-1 accuracy of the best epoch: too good",
        lambda run: kept_top1(best_epoch(run.data.history)),
    ),
    "test": ("top-1 accuracy on test images of the epoch that held-out images chose", Record.tested),
    "parameters": ("of the net that was trained", lambda run: run.count("parameters")),
    "macs": ("of the net that was trained", lambda run: run.count("macs")),
    **_COSTS,
}
VALUES: dict[str, str] = {
    f"{command}.{name}": description
    for command, readers in (("search", _SEARCH), ("train", _TRAIN))
    for name, (description, _) in readers.items()
}
"""Name -> what it is. Accuracies are shares."""


OF_WHOLE_SEARCH = frozenset(f"search.{name}" for name in _COSTS)
"""Names of values that are the same for all trained epochs of a search."""


def numbers(search: Record | None, training: Record | None) -> dict[str, float | None]:
    """Returns all values of a search and of the training of what it found; None where there is none."""
    return {
        f"{command}.{name}": None if run is None else read(run)
        for command, readers, run in (("search", _SEARCH, search), ("train", _TRAIN, training))
        for name, (_, read) in readers.items()
    }


def _float(number: int | None) -> float | None:
    return None if number is None else float(number)


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
