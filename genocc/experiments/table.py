"""The table of an experiment: what there is so far, over seeds, with the paper's figures beside ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

from genocc.errors import GenoccError
from genocc.experiments.comparable import incomparable
from genocc.experiments.model import Column, PaperFigure
from genocc.experiments.plan import Plan, Point, RowPlan, Step
from genocc.experiments.units import UNITS
from genocc.experiments.values import OF_WHOLE_SEARCH, Record, numbers
from genocc.results.correlation import correlate
from genocc.results.run_data import RunData

Numbers = Mapping[str, float | None]


@dataclass(frozen=True)
class Cell:
    """A column of a row.

    Attributes:
        values: In the column's unit: one per seed, per trained epoch, or of Kendall's tau one per group of them.
        expected: How many there will be.
        shown: Mean, least, greatest or sum of the values; None without any.
        deviation: The sample's (n - 1); None with fewer than two values, or where it is no mean.
        digits: After the point.
        paper: Mean and deviation that the paper has; None where it has none.
        points: Of Kendall's tau, how many points are ordered, and how many there will be; None of other values.
    """

    values: tuple[float, ...]
    expected: int
    shown: float | None
    deviation: float | None
    digits: int
    paper: tuple[float, float | None] | None
    points: tuple[int, int] | None = None

    def text(self) -> str:
        """Returns the cell for people: ``86.24 ± 0.31 (3)``, or ``(2 of 3)`` while some are missing.

        Of Kendall's tau while some of its points are missing: ``0.33 (1; 5 of 6 points)``.
        """
        if self.shown is None:
            return "-"
        spread = "" if self.deviation is None else f" ± {self.deviation:.{self.digits}f}"
        number = _of(len(self.values), self.expected)
        if self.points is not None and self.points[0] < self.points[1]:
            number += f"; {_of(*self.points)} points"
        return f"{self.shown:.{self.digits}f}{spread} ({number})"

    def paper_text(self) -> str:
        """Returns the paper's figure for people."""
        if self.paper is None:
            return "-"
        found, deviation = self.paper
        return f"{found:g}" if deviation is None else f"{found:g} ± {deviation:g}"


@dataclass(frozen=True)
class Table:
    """The table, and what stands under it.

    Attributes:
        plan: The jobs.
        cells: Row -> column -> cell.
        points: Row -> the numbers of each of its points, None where its runs are not done.
        failed: Job -> why its last attempt failed, or why its folder cannot be read or does not belong in the table.
        seconds: Of all runs so far, as their histories say.
        devices: That they ran on.
    """

    plan: Plan
    cells: Mapping[str, Mapping[str, Cell]]
    points: Mapping[str, Sequence[Numbers | None]]
    failed: Mapping[str, str]
    seconds: float
    devices: tuple[str, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """Columns in order."""
        return self.plan.experiment.columns

    @property
    def done(self) -> int:
        """Number of jobs that are done."""
        return sum(step.done for step in self.plan.steps)

    def has_paper(self, column: Column) -> bool:
        """Whether the paper has a figure in a column."""
        return any(column.name in row.row.paper for row in self.plan.rows)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data for ``--json``."""
        experiment = self.plan.experiment
        return {
            "title": experiment.title,
            "source": experiment.source,
            "claim": experiment.claim,
            "scale": self.plan.scale,
            "columns": [{"name": one.name, "title": one.heading, "unit": one.unit} for one in self.columns],
            "rows": [
                {
                    "name": row.row.name,
                    "seeds": list(row.seeds),
                    "columns": {name: _plain(cell) for name, cell in self.cells[row.row.name].items()},
                }
                for row in self.plan.rows
            ],
            "jobs": len(self.plan.steps),
            "done": self.done,
            "failed": dict(self.failed),
            "seconds": self.seconds,
            "devices": list(self.devices),
        }


def make_table(plan: Plan, failed: Mapping[str, str]) -> Table:
    """Returns the table of the runs that are done.

    Args:
        plan: The jobs, whose run folders are read.
        failed: Job -> why its last attempt failed.
    """
    foreign = incomparable(plan)
    runs = _Runs({**failed, **foreign}, frozenset(foreign))
    points = {row.row.name: [runs.numbers(point) for point in row.points] for row in plan.rows}
    cells = {
        row.row.name: {column.name: cell(row, column, points[row.row.name]) for column in plan.experiment.columns}
        for row in plan.rows
    }
    read = list(runs.read.values())
    devices = tuple(dict.fromkeys(device for run in read for device in run.costs.devices))
    return Table(plan, cells, points, runs.failed, sum(run.seconds or 0.0 for run in read), devices)


class _Runs:
    """Run folders, each read once; those that cannot be read, or are foreign, are among the failed."""

    def __init__(self, failed: dict[str, str], foreign: frozenset[str]) -> None:
        self.failed, self.foreign = failed, foreign
        self.read: dict[str, RunData] = {}

    def numbers(self, point: Point) -> Numbers | None:
        """All numbers of a point; None where one of its runs is not done or cannot be read."""
        search, training = (self._record(step, point.epoch) for step in (point.search, point.training))
        if (point.search and search is None) or (point.training and training is None and search is None):
            return None
        return numbers(search, training)

    def _record(self, step: Step | None, epoch: int | None) -> Record | None:
        if step is None or not step.done or step.name in self.foreign:
            return None
        try:
            if step.name not in self.read:
                self.read[step.name] = RunData.read(step.folder)
            return Record.of(self.read[step.name], epoch if step.kind == "search" else None)
        except GenoccError as error:
            self.failed[step.name] = str(error)
            return None


def cell(row: RowPlan, column: Column, points: Sequence[Numbers | None]) -> Cell:
    """Returns the cell of a row and a column.

    Args:
        row: With its paper's figures.
        column: What is shown.
        points: The numbers of each of the row's points, None where its runs are not done.
    """
    unit = UNITS[column.unit]
    ordered = None
    if column.kendall is not None:
        pairs = [_pairs(group, column.kendall) for group in _groups(row, points)]
        found, expected = [_tau(group) for group in pairs], len(pairs)
        ordered = sum(map(len, pairs)), len(points)
    else:
        if _trains_epochs(row) and {column.value, column.minus} - {None} <= OF_WHOLE_SEARCH:
            points = [next(filter(None, group), None) for group in _groups(row, points)]
        found, expected = [None if one is None else value_in(one, column) for one in points], len(points)
    values = [unit.convert(value) for value in found if value is not None]
    shown = {"mean": mean, "min": min, "max": max, "sum": sum}[column.over]
    spread = stdev(values) if column.over == "mean" and len(values) > 1 else None
    total = float(shown(values)) if values else None  # type: ignore[operator]
    return Cell(tuple(values), expected, total, spread, unit.digits, _pair(row.row.paper.get(column.name)), ordered)


def _groups(row: RowPlan, points: Sequence[Numbers | None]) -> Iterator[list[Numbers | None]]:
    """The points that Kendall's tau orders: the trained epochs of each search, or else all seeds."""
    if not _trains_epochs(row):
        yield list(points)
        return
    for seed in row.seeds:
        yield [numbers for point, numbers in zip(row.points, points, strict=True) if point.seed == seed]


def _trains_epochs(row: RowPlan) -> bool:
    return row.train is not None and row.train.at is not None


def _pairs(points: Sequence[Numbers | None], names: tuple[str, str]) -> list[tuple[float, float]]:
    """Two values of the points that have both."""
    pairs = [(point[names[0]], point[names[1]]) for point in points if point is not None]
    return [(x, y) for x, y in pairs if x is not None and y is not None]


def _tau(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Kendall's tau-b; None where there are fewer than two points, or no order."""
    return correlate([x for x, _ in pairs], [y for _, y in pairs]).tau_b if len(pairs) > 1 else None


def _of(number: int, expected: int) -> str:
    return str(number) if number == expected else f"{number} of {expected}"


def value_in(numbers: Numbers, column: Column) -> float | None:
    """Returns the number, or the difference of two, that a column shows of a point; None where there is none."""
    value = None if column.value is None else numbers[column.value]
    other = 0.0 if column.minus is None else numbers[column.minus]
    return None if value is None or other is None else value - other


def _pair(paper: PaperFigure | None) -> tuple[float, float | None] | None:
    if paper is None:
        return None
    return paper if isinstance(paper, tuple) else (paper, None)


def _plain(cell: Cell) -> dict[str, Any]:
    paper, paper_deviation = cell.paper or (None, None)
    return {
        "shown": cell.shown,
        "deviation": cell.deviation,
        "values": list(cell.values),
        "expected": cell.expected,
        **({} if cell.points is None else dict(zip(("points", "expected_points"), cell.points, strict=True))),
        "paper": paper,
        "paper_deviation": paper_deviation,
    }
