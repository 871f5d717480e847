"""Where Graphviz puts the parts of a diagram: positions to draw at, in one layout for all frames of a film."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .diagram import Diagram, Panel
from .rendering import run_dot

Point = tuple[float, float]
MARGIN = 9.0
"""Points around a drawing: half a wide line, and air."""
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
    height = float(found["bb"].split(",")[3])
    boxes: dict[str, Box] = {}
    for part in found["objects"]:
        if "pos" in part:
            x, y = map(float, part["pos"].split(","))
            boxes[_local(part["id"], panel)] = Box(x, height - y, float(part["width"]) * 72, float(part["height"]) * 72)
    curves = {_local(part["id"], panel): _curve(part["pos"], height) for part in found["edges"] if "id" in part}
    lines = {line.name: _joined(line.name, bool(line.label), curves) for line in panel.lines}
    return _cropped(
        {state.name: boxes[state.name] for state in panel.states},
        {line.name: boxes[line.name] for line in panel.lines if line.label},
        lines,
    )


def _cropped(states: dict[str, Box], labels: dict[str, Box], lines: dict[str, tuple[Point, ...]]) -> Layout:
    """Moves everything so that it fills the drawing up to the margin; headings have no place in it."""
    boxes = [*states.values(), *labels.values()]
    corners = [(box.x + side * box.width / 2, box.y + side * box.height / 2) for box in boxes for side in (-1, 1)]
    xs, ys = zip(*corners, *(point for points in lines.values() for point in points), strict=True)
    dx, dy = MARGIN - min(xs), MARGIN - min(ys)

    def moved(places: dict[str, Box]) -> dict[str, Box]:
        return {name: Box(box.x + dx, box.y + dy, box.width, box.height) for name, box in places.items()}

    return Layout(
        width=round(max(xs) + dx + MARGIN, 1),
        height=round(max(ys) + dy + MARGIN, 1),
        states=moved(states),
        labels=moved(labels),
        lines={name: tuple((x + dx, y + dy) for x, y in points) for name, points in lines.items()},
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
