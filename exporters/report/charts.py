"""The curves of a run: all numbers of its history over the epochs, drawn by matplotlib as SVG for a page."""

from __future__ import annotations

import io
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..drawing.style import figure_style

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_COLORS = ("#000001", "#000002", "#000003", "#000004", "#000005", "#000006")
"""Placeholders for the page's colours, which differ between its light and its dark theme."""
_INK, _GRID = "#0000f1", "#0000f2"
_DASHES = ("solid", "dashed", "dashdot", "dotted", (0, (5, 1, 1, 1, 1, 1)), (0, (7, 2)))
FEW = 30
"""The most epochs for which each has a dot."""


@dataclass(frozen=True)
class Series:
    """A curve: its label, and its value per epoch; None for an epoch without one."""

    label: str
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Chart:
    """Curves that share an axis."""

    name: str
    title: str
    series: tuple[Series, ...]
    percent: bool = False


@dataclass(frozen=True)
class Topic:
    """The curves of one chart: place in a line of the history -> label; ``*`` stands for a kind of cell."""

    title: str
    places: Mapping[str, str] = field(default_factory=dict)
    percent: bool = False


TOPICS: tuple[Topic, ...] = (
    Topic(
        "Accuracy",
        {
            "test.top1": "test, top-1", "test.top5": "test, top-5",
            "validation.top1": "validation, top-1", "validation.top5": "validation, top-5",
            "average.top1": "averaged weights, top-1", "average.top5": "averaged weights, top-5",
            "validation_accuracy": "validation", "child_accuracy": "child net",
            "child_accuracy_stale": "child net, stale BN", "weights.accuracy": "training batches",
            "architecture.accuracy": "validation batches", "training.accuracy": "training batches",
            "auxiliary.accuracy": "auxiliary, training", "auxiliary.validation_accuracy": "auxiliary, validation",
        },
        percent=True,
    ),
    Topic(
        "Loss",
        {
            "weights.loss": "weight steps", "architecture.loss": "architecture steps",
            "auxiliary.loss": "auxiliary steps", "training.loss": "training", "test.loss": "test",
        },
    ),
    Topic("Edges in the derived cell", {"edges_per_node.*": "*"}),
    Topic("Skip connections", {"skip_connections.*": "*"}),
    Topic("Entropy (nats)", {"entropy.*": "*"}),
    Topic("Temperature", {"temperature": "temperature"}),
    Topic(
        "Learning rate",
        {
            "learning_rates.weights": "weights", "learning_rates.architecture": "architecture",
            "learning_rate": "learning rate",
        },
    ),
    Topic("Drop path", {"drop_path": "probability"}, percent=True),
    Topic("Penalties", {"architecture.sparsity": "sparsity", "architecture.macs": "MACs"}),
    Topic("Seconds an epoch", {"seconds": "seconds"}),
    Topic("Images a second", {"images_per_second": "images"}),
)  # fmt: skip
"""Charts in the order of the page; a number of the history that is in none of them gets a chart of its own."""
NOT_DRAWN = ("epoch", "coefficients", "genotype", "costs")


def charts(history: Sequence[Mapping[str, Any]]) -> list[Chart]:
    """Returns the charts of all numbers in a history."""
    curves: dict[str, list[float | None]] = {}
    for epoch, line in enumerate(history):
        for place, value in _numbers(line):
            curves.setdefault(place, [None] * len(history))[epoch] = value
    drawn = []
    for topic in TOPICS:
        series = [Series(label, tuple(curves.pop(place))) for place, label in _matches(topic, list(curves))]
        if series:
            drawn.append((topic.title, tuple(series), topic.percent))
    own: dict[str, list[Series]] = {}
    for place, values in curves.items():
        own.setdefault(place.split(".")[0], []).append(Series(place, tuple(values)))
    drawn += [(name.replace("_", " "), tuple(series), False) for name, series in own.items()]
    return [Chart(f"chart{number}", *parts) for number, parts in enumerate(drawn)]


def chart_svg(chart: Chart, epochs: Sequence[int]) -> str:
    """Returns a chart as an SVG element for a page.

    Colours are the page's variables ``--curve-1`` and so on; ids are unique on the page. The attributes ``data-x0`` and
    ``data-x1`` are the positions of the first and the last epoch, for the element of class ``cursor``.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

    look: dict[Any, Any] = {
        "svg.fonttype": "none", "svg.hashsalt": chart.name, "font.size": 9, "font.family": "sans-serif",
        "text.color": _INK, "axes.edgecolor": _GRID, "xtick.color": _GRID, "ytick.color": _GRID,
        "xtick.labelcolor": _INK, "ytick.labelcolor": _INK, "axes.labelcolor": _INK, "path.simplify_threshold": 0.3,
    }  # fmt: skip
    with figure_style(look):
        figure = Figure(figsize=(5, 2.35))
        axes = figure.add_axes((0.105, 0.17, 0.87, 0.79))
        for number, series in enumerate(chart.series):
            values = [math.nan if value is None else value for value in series.values]
            axes.plot(
                epochs, values, color=_COLORS[number % len(_COLORS)], linestyle=_DASHES[number % len(_DASHES)],
                linewidth=1.8, marker="o" if len(epochs) <= FEW else "", markersize=3,
            )  # fmt: skip
        axes.set_xlim(epochs[0] - 0.5 * (len(epochs) == 1), epochs[-1] + 0.5 * (len(epochs) == 1))
        axes.set_xlabel("epoch", labelpad=1)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
        axes.yaxis.set_major_formatter(
            PercentFormatter(1, decimals=None)
            if chart.percent
            else FuncFormatter(lambda y, _: f"{y:.{_digits(axes.get_yticks())}g}")
        )
        axes.grid(axis="y", color=_GRID, linewidth=0.6)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(length=0, axis="y")
        axes.tick_params(length=3, axis="x")
        axes.margins(y=0.08)
        if chart.percent:
            axes.set_ylim(bottom=max(axes.get_ylim()[0], 0))
        left, right = (float(axes.transData.transform((epoch, 0))[0]) for epoch in (epochs[0], epochs[-1]))
        box, scale = axes.get_window_extent(), 72 / figure.dpi
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None}, transparent=True)
    height = figure.get_figheight() * 72
    span = (height - box.y1 * scale, height - box.y0 * scale)
    return _for_page(written.getvalue(), chart, (left * scale, right * scale), span)


def format_value(value: float | None, *, percent: bool) -> str:
    """Returns a value as text of the page."""
    if value is None:
        return "–"
    return f"{value:.2%}" if percent else f"{value:.4g}"


def _digits(ticks: Iterable[float]) -> int:
    """The fewest significant digits, at least 4, that tell the ticks of an axis apart."""
    values = set(ticks)
    return next((n for n in range(4, 17) if len({f"{value:.{n}g}" for value in values}) == len(values)), 17)


def _for_page(text: str, chart: Chart, xs: tuple[float, float], ys: tuple[float, float]) -> str:
    ET.register_namespace("", _SVG)
    ET.register_namespace("xlink", _XLINK)
    root = ET.fromstring(text)  # noqa: S314 (written by matplotlib)
    for child in list(root):
        if child.tag.endswith("}metadata"):
            root.remove(child)
    for name in ("width", "height"):
        root.attrib.pop(name)
    root.attrib |= {"aria-hidden": "true", "class": "curves", "data-x0": f"{xs[0]:.2f}", "data-x1": f"{xs[1]:.2f}"}
    cursor = {"class": "cursor", "x1": f"{xs[1]:.2f}", "x2": f"{xs[1]:.2f}", "y1": f"{ys[0]:.2f}", "y2": f"{ys[1]:.2f}"}
    root.append(ET.Element(f"{{{_SVG}}}line", cursor))
    page: str = ET.tostring(root, encoding="unicode")
    page = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{chart.name}-", page)
    page = re.sub(r"font: [^;\"]*?([\d.]+px)[^;\"]*", r"font-size: \1", page)
    for number, color in enumerate(_COLORS, start=1):
        page = page.replace(color, f"var(--curve-{number})")
    return page.replace(_INK, "var(--muted)").replace(_GRID, "var(--line)")


def _numbers(line: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, float]]:
    """The numbers of a line with their dotted places; of a list, its sum (edges of all nodes)."""
    for name, value in line.items():
        place = f"{before}{name}"
        if place in NOT_DRAWN or isinstance(value, (bool, str)):
            continue
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{place}.")
        elif isinstance(value, list) and value and all(isinstance(x, (int, float)) for x in value):
            yield place, float(sum(value))
        elif isinstance(value, (int, float)) and math.isfinite(value):
            yield place, float(value)


def _matches(topic: Topic, places: Sequence[str]) -> Iterator[tuple[str, str]]:
    for pattern, label in topic.places.items():
        for place in places:
            start = pattern.removesuffix("*")
            if place == pattern or (start != pattern and place.startswith(start)):
                yield place, place.removeprefix(start) if label == "*" else label
