"""Units of a table's columns: how a number of a run is written there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Unit:
    """How numbers are written.

    Attributes:
        label: Behind the column's title.
        convert: From the run's number to the table's.
        digits: After the point.
    """

    label: str
    convert: Callable[[float], float]
    digits: int = 2


UNITS: dict[str, Unit] = {
    "": Unit("", float, 2),
    "count": Unit("", float, 1),
    "%": Unit("%", lambda share: 100 * share, 2),
    "error": Unit("%", lambda share: 100 * (1 - share), 2),
    "M": Unit("M", lambda number: number / 1e6, 2),
    "MiB": Unit("MiB", lambda size: size / 2**20, 0),
    "GiB": Unit("GiB", lambda size: size / 2**30, 2),
    "ms": Unit("ms", lambda seconds: 1e3 * seconds, 3),
    "s": Unit("s", float, 1),
    "min": Unit("min", lambda seconds: seconds / 60, 1),
    "h": Unit("h", lambda seconds: seconds / 3600, 2),
    "days": Unit("days", lambda seconds: seconds / 86_400, 3),
}
"""Accuracies are shares, memory is bytes, times are seconds; ``error`` is what an accuracy lacks to 1."""
