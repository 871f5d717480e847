"""Where Graphviz puts the parts of a diagram: positions to draw at, in one layout for all frames of a film."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .diagram import Diagram, Panel
from .rendering import run_dot

Point = tuple[float, float]
SAMPLES = 9
"""Points that each piece of a curve becomes."""


@dataclass(frozen=True)
class Box:
    """A place with a centre and a size, in points; y grows downwards."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Layout:
    """Positions of one panel.

    Attributes:
        width: Of the drawing, in points.
        height: The same.
        states: Name of a state -> its place.
        labels: Name of a line that has a label -> the label's place, on the line.
        lines: Name of a line -> points from its tail to its head.
    """

    width: float
    height: float
    states: dict[str, Box]
    labels: dict[str, Box]
    lines: dict[str, tuple[Point, ...]]


def lay_out(panel: Panel) -> Layout:
    """Returns where Graphviz puts the states, lines and labels of a panel.

    Raises:
        TargetError: ``dot`` is missing, fails or takes too long.
    """
    found: dict[str, Any] = json.loads(run_dot(Diagram("", "", (panel,)), "json"))
    _, _, width, height = map(float, found["bb"].split(","))
    boxes: dict[str, Box] = {}
    for part in found["objects"]:
        if "pos" in part:
            x, y = map(float, part["pos"].split(","))
            boxes[_local(part["id"], panel)] = Box(x, height - y, float(part["width"]) * 72, float(part["height"]) * 72)
    curves = {_local(part["id"], panel): _curve(part["pos"], height) for part in found["edges"] if "id" in part}
    lines = {line.name: _joined(line.name, bool(line.label), curves) for line in panel.lines}
    return Layout(
        width,
        height,
        states={state.name: boxes[state.name] for state in panel.states},
        labels={line.name: boxes[line.name] for line in panel.lines if line.label},
        lines=lines,
    )


def _local(name: str, panel: Panel) -> str:
    return name.removeprefix(f"{panel.name}.")


def _joined(name: str, labelled: bool, curves: dict[str, tuple[Point, ...]]) -> tuple[Point, ...]:
    """A line with a label is two curves, before and behind the label."""
    return curves[f"{name}.tail"] + curves[f"{name}.head"] if labelled else curves[name]


def _curve(text: str, height: float) -> tuple[Point, ...]:
    """Graphviz' B-spline as points: ``e,x,y`` is the arrow's tip; then a start, and three points for each piece."""
    tip: list[Point] = []
    points: list[Point] = []
    for part in text.split(" "):
        *mark, x, y = part.split(",")
        (tip if mark else points).append((float(x), height - float(y)))
    sampled = [points[0]]
    for start in range(0, len(points) - 1, 3):
        sampled += [_bezier(points[start : start + 4], step / SAMPLES) for step in range(1, SAMPLES + 1)]
    return (*sampled, *tip)


def _bezier(points: Sequence[Point], t: float) -> Point:
    weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3)
    x, y = (sum(w * point[axis] for w, point in zip(weights, points, strict=True)) for axis in (0, 1))
    return x, y
