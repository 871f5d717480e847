"""Lines of a history: numbers by path, and of a training the accuracy that counts and the best epoch by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from genocc.errors import RunError

Epoch = Mapping[str, Any]
"""A line of a history."""
E = TypeVar("E", bound=Epoch)


def number_at(line: Epoch, path: str) -> float | None:
    """Returns the number at a dotted path of a line; None where there is none."""
    value: Any = line
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def kept_top1(line: Epoch) -> float | None:
    """Returns the top-1 accuracy of the weights that are kept after an epoch of a training; None where unknown.

    It is that on held-out training images where the training has some, else on the test images.
    """
    return number_at(line, f"{_kept(line)}.top1")


def kept_accuracies(line: Epoch) -> Mapping[str, Any]:
    """Returns all accuracies of the weights that are kept, as `kept_top1`; raises RunError where the line has none."""
    if kept_top1(line) is None:
        raise RunError(f"history.jsonl: epoch {line.get('epoch')} has no test accuracy; was the file changed?")
    found: Mapping[str, Any] = line[_kept(line)]
    return found


def best_epoch(history: Sequence[E]) -> E:
    """Returns the first epoch with the best `kept_top1`; raises RunError where one has none."""
    return max(history, key=lambda line: float(kept_accuracies(line)["top1"]))


def _kept(line: Epoch) -> str:
    """Kept weights are the moving average where there is one."""
    return next((name for name in ("average", "validation") if line.get(name)), "test")
