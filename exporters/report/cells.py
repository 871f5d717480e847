"""The evolution of the cells in a report: the last epoch for the template, every epoch for the script."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..drawing.evolution import CellEvolution, Ribbon, beside, lane_name
from ..drawing.layout import Point


def last_epoch(cell: CellEvolution, operations: Sequence[str]) -> dict[str, Any]:
    """Returns a cell in its last epoch, for the template; the script changes it from there.

    Args:
        cell: Its evolution.
        operations: Those of all cells, in the order of the page.
    """
    geometry, frame = cell.geometry, cell.frames[-1]
    highest = max((ribbon.importance for ribbons in frame.ribbons for ribbon in ribbons), default=0.0) or 1.0
    lanes = []
    for lane, ribbons, label in zip(cell.lanes, frame.ribbons, frame.labels, strict=True):
        points, box = geometry.curves[lane_name(lane)], geometry.labels[lane_name(lane)]
        lanes.append(
            {
                "name": _title(cell, lane),
                "first": lane[0] == min(source for source, target in cell.lanes if target == lane[1]),
                "middle": _path(points),
                "ribbons": [
                    {
                        "op": operations.index(name),
                        "d": _path(beside(points, ribbon.offset)),
                        "width": f"{ribbon.width:.2f}",
                        "opacity": f"{ribbon.opacity:.3f}",
                        "derived": ribbon.derived,
                        "shade": f"{ribbon.importance / highest if ribbon.width else 0:.3f}",
                        "text": f"{round(ribbon.importance, 3):.2f}" if ribbon.width else "·",
                    }
                    for name, ribbon in zip(cell.operations, ribbons, strict=True)
                ],
                "label": label,
                "op": _labelled(operations, label),
                "box": {
                    "x": f"{box.x - box.width / 2:.1f}",
                    "y": f"{box.y - box.height / 2:.1f}",
                    "width": f"{box.width:.1f}",
                    "height": f"{box.height:.1f}",
                    "cx": f"{box.x:.1f}",
                    "cy": f"{box.y:.1f}",
                },
            }
        )
    return {
        "kind": cell.kind,
        "caption": frame.caption,
        "width": f"{geometry.width:g}",
        "height": f"{geometry.height:g}",
        "operations": cell.operations,
        "lanes": lanes,
        "concat": [_path(points) for name, points in geometry.curves.items() if name.startswith("concat.")],
        "vertices": list(_vertices(cell)),
    }


def every_epoch(cell: CellEvolution, operations: Sequence[str], positions: Sequence[int]) -> dict[str, Any]:
    """Returns a cell in the epochs that the slider stops at, for the script; numbers are rounded to what can be seen.

    Args:
        cell: Its evolution.
        operations: Those of all cells, in the order of the page.
        positions: Of the epochs in the history.
    """
    frames = [cell.frames[position] for position in positions]
    return {
        "operations": [operations.index(name) for name in cell.operations],
        "lanes": [
            {"name": _title(cell, lane), "points": _with_normals(cell.geometry.curves[lane_name(lane)])}
            for lane in cell.lanes
        ],
        "frames": [
            [number for lane in frame.ribbons for ribbon in lane for number in _fields(ribbon)] for frame in frames
        ],
        "labels": [[[_labelled(operations, label), label] for label in frame.labels] for frame in frames],
    }


def _fields(ribbon: Ribbon) -> tuple[float, ...]:
    """The numbers of a ribbon in the script's order: FIELDS of them."""
    return (
        round(ribbon.offset, 1),
        round(ribbon.width, 2),
        round(ribbon.opacity, 2),
        int(ribbon.derived),
        round(ribbon.importance, 3),
    )


def _vertices(cell: CellEvolution) -> Iterator[dict[str, str]]:
    for vertex in cell.vertices:
        box = cell.geometry.vertices[vertex.name]
        yield {
            "role": vertex.role.value,
            "label": vertex.label.replace("-", "−"),
            "x": f"{box.x:.1f}",
            "y": f"{box.y:.1f}",
            "r": f"{box.height / 2:.1f}",
            "left": f"{box.x - box.width / 2:.1f}",
            "top": f"{box.y - box.height / 2:.1f}",
            "width": f"{box.width:.1f}",
            "height": f"{box.height:.1f}",
        }


def _title(cell: CellEvolution, lane: tuple[int, int]) -> str:
    """``k-2 → 3``: the states of a lane as the drawing labels them."""
    source, target = (cell.vertices[state].label.replace("-", "−") for state in lane)
    return f"{source} → {target}"


def _labelled(operations: Sequence[str], label: str) -> int:
    """The operation that a lane's label names, by its number; 0 where the label is empty."""
    return operations.index(label.split(" ")[0]) if label else 0


def _path(points: Sequence[Point]) -> str:
    """The attribute ``d`` of an SVG path through the points."""
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _with_normals(points: Sequence[Point]) -> list[float]:
    """x, y and the normal of each point, from which the script draws ribbons beside the lane's middle."""
    normals = beside(points, 1.0)
    return [
        round(value, digits)
        for (x, y), (nx, ny) in zip(points, normals, strict=True)
        for value, digits in ((x, 1), (y, 1), (nx - x, 3), (ny - y, 3))
    ]
