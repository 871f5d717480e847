"""Positions of the parts of a diagram as Graphviz lays them out: one layout for all frames of a film."""

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
"""Points per piece of a curve."""


@dataclass(frozen=True)
class Box:
    """The bounding box of a part: its centre and its size, in points; y grows downwards."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Geometry:
    """Positions of one panel.

    Attributes:
        width: Of the drawing, in points.
        height: The same.
        vertices: Name of a vertex -> its box.
        labels: Name of an arrow that has a label -> the label's box, on the arrow.
        curves: Name of an arrow -> points from its tail to its head.
    """

    width: float
    height: float
    vertices: dict[str, Box]
    labels: dict[str, Box]
    curves: dict[str, tuple[Point, ...]]


def lay_out(panel: Panel) -> Geometry:
    """Returns the positions of the vertices, arrows and labels of a panel.

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
    pieces = {_local(part["id"], panel): _curve(part["pos"], height) for part in found["edges"] if "id" in part}
    return _cropped(
        {vertex.name: boxes[vertex.name] for vertex in panel.vertices},
        {arrow.name: boxes[arrow.name] for arrow in panel.arrows if arrow.label},
        {arrow.name: _joined(arrow.name, bool(arrow.label), pieces) for arrow in panel.arrows},
    )


def _cropped(vertices: dict[str, Box], labels: dict[str, Box], curves: dict[str, tuple[Point, ...]]) -> Geometry:
    """Moves everything so that it fills the drawing up to the margin; headings have no place in it."""
    boxes = [*vertices.values(), *labels.values()]
    corners = [(box.x + side * box.width / 2, box.y + side * box.height / 2) for box in boxes for side in (-1, 1)]
    xs, ys = zip(*corners, *(point for points in curves.values() for point in points), strict=True)
    dx, dy = MARGIN - min(xs), MARGIN - min(ys)

    def moved(places: dict[str, Box]) -> dict[str, Box]:
        return {name: Box(box.x + dx, box.y + dy, box.width, box.height) for name, box in places.items()}

    return Geometry(
        width=round(max(xs) + dx + MARGIN, 1),
        height=round(max(ys) + dy + MARGIN, 1),
        vertices=moved(vertices),
        labels=moved(labels),
        curves={name: tuple((x + dx, y + dy) for x, y in points) for name, points in curves.items()},
    )


def _local(name: str, panel: Panel) -> str:
    return name.removeprefix(f"{panel.name}.")


def _joined(name: str, labelled: bool, pieces: dict[str, tuple[Point, ...]]) -> tuple[Point, ...]:
    """An arrow with a label is two curves, before and behind the label."""
    return pieces[f"{name}.tail"] + pieces[f"{name}.head"] if labelled else pieces[name]


def _curve(text: str, height: float) -> tuple[Point, ...]:
    """Points of a B-spline of Graphviz: ``e,x,y`` is the arrow's tip; then a start, and three points per piece."""
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
