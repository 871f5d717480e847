"""The figure of an experiment: a point per search and training, a colour and a mark per row, drawn by matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from genocc.errors import ConfigError
from genocc.experiments.model import Column
from genocc.experiments.table import Table, value_in
from genocc.experiments.units import UNITS
from genocc.exporters.drawing.style import figure_style
from genocc.files import write_atomically
from genocc.results.correlation import correlate

SUFFIXES = (".svg", ".png", ".pdf")
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7f7f7f")
"""Okabe and Ito's, which the colour-blind can tell apart."""
_MARKS = "osD^vP*X"
_STYLE = {"svg.hashsalt": "genocc", "svg.fonttype": "none", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3}


def write_figure(table: Table, output: Path) -> None:
    """Draws the figure of an experiment.

    Args:
        table: What there is so far.
        output: A file whose suffix is one of ``SUFFIXES``.

    Raises:
        ConfigError: The experiment has no figure.
        FileError: The file cannot be written.
    """
    figure = table.plan.experiment.figure
    if figure is None:
        raise ConfigError(f"{output}: the experiment has no [figure]; expected a .md or .csv file")
    columns = {column.name: column for column in table.columns}
    with figure_style(_STYLE):
        drawn = _drawn(table, columns[figure.x], columns[figure.y], figure.title or table.plan.experiment.title)
        metadata = {"Date": None} if output.suffix.lower() == ".svg" else None
        write_atomically(output, lambda path: drawn.savefig(path, metadata=metadata, dpi=150, bbox_inches="tight"))


def _drawn(table: Table, x: Column, y: Column, title: str) -> Any:
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(6.4, 4.4))
    axes = drawn.subplots()
    for number, row in enumerate(table.plan.rows):
        pairs = points(table, row.row.name, x, y)
        label = f"{row.row.name}: {len(pairs)} points"
        if len(pairs) > 1 and (tau := correlate([a for a, _ in pairs], [b for _, b in pairs]).tau_b) is not None:
            label = f"{row.row.name}: {len(pairs)} points, Kendall's tau {tau:.2f}"
        axes.plot(
            [a for a, _ in pairs],
            [b for _, b in pairs],
            linestyle="none",
            color=_COLORS[number % len(_COLORS)],
            marker=_MARKS[number % len(_MARKS)],
            label=label,
        )
    axes.set_xlabel(x.heading)
    axes.set_ylabel(y.heading)
    axes.set_title(title, fontsize=10)
    axes.legend(fontsize=8, loc="best")
    return drawn


def points(table: Table, row: str, x: Column, y: Column) -> list[tuple[float, float]]:
    """Returns the points of a row, in the units of the columns; those without one of the two numbers are left out."""
    found = []
    for numbers in table.points[row]:
        pair = [None if numbers is None else value_in(numbers, column) for column in (x, y)]
        if pair[0] is not None and pair[1] is not None:
            found.append((UNITS[x.unit].convert(pair[0]), UNITS[y.unit].convert(pair[1])))
    return found
