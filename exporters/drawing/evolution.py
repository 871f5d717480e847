"""The evolution of cells: the coefficients of each epoch as ribbons in one layout, shared by report and film.

Between two states runs one lane. Its operations lie in it side by side, each a ribbon as wide as its coefficient, so a
lane starts as a band of many colours and ends as a line of one. Graphviz places all lanes once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from genocc.errors import GenotypeError, RunError
from genocc.genotype import Cell, Genotype
from genocc.runs.reading import HISTORY

from .diagram import Arrow, Panel, Vertex
from .graphviz import cell_vertices
from .layout import Geometry, Point, lay_out

WIDEST = 11.0
"""Points: the width of a node's strongest lane."""
THINNEST = 1.3
"""Points: the width of a derived ribbon, however small its coefficient is."""
MOST_RIBBONS = 60_000
"""Ribbons of all frames together that a report holds. Longer or larger searches show evenly spaced epochs."""
NO_OPERATION = "none"


@dataclass(frozen=True)
class Ribbon:
    """An operation of a lane in one epoch.

    Attributes:
        offset: From the lane's middle, to the right of its direction, in points.
        width: In points; in proportion to the coefficient, a node's strongest lane being ``WIDEST``.
        opacity: By the importance among the node's candidates; a ribbon that is not derived stays faint.
        derived: Whether the epoch's genotype has it.
        importance: The number that a derivation compares.
    """

    offset: float
    width: float
    opacity: float
    derived: bool
    importance: float


@dataclass(frozen=True)
class Frame:
    """A cell in one epoch: the ribbons of each lane, one per operation, and the label of its derived operations."""

    ribbons: tuple[tuple[Ribbon, ...], ...]
    labels: tuple[str, ...]

    @property
    def derived(self) -> int:
        """Number of edges of the derived cell."""
        return sum(ribbon.derived for lane in self.ribbons for ribbon in lane)

    @property
    def caption(self) -> str:
        """``5 edges``: that number in words."""
        return "1 edge" if self.derived == 1 else f"{self.derived} edges"


@dataclass(frozen=True)
class CellEvolution:
    """A kind of cell over the epochs.

    Attributes:
        kind: ``normal``, ``reduction``, ...
        vertices: Inputs, nodes and output.
        operations: The candidates without ``none``: the ribbons of each lane.
        lanes: (source state, target state) of each lane, in the order of the frames' rows.
        geometry: Positions of vertices, lanes (named by `lane_name`) and labels.
        frames: One per epoch.
    """

    kind: str
    vertices: tuple[Vertex, ...]
    operations: tuple[str, ...]
    lanes: tuple[tuple[int, int], ...]
    geometry: Geometry
    frames: tuple[Frame, ...]


def cell_evolutions(path: Path, history: Sequence[Mapping[str, Any]]) -> tuple[CellEvolution, ...]:
    """Returns the evolution of each kind of cell; nothing if the history has no coefficients, or does not name them.

    Args:
        path: The run folder, for messages.
        history: The run's.

    Raises:
        RunError: Coefficients or a genotype are not those of a search; the message names the line.
        TargetError: ``dot`` is missing, fails or takes too long.
    """
    if not any("coefficients" in line for line in history) or all(map(_unnamed, history)):
        return ()
    read = [_read(f"{path / HISTORY}: line {number}", line) for number, line in enumerate(history, start=1)]
    return tuple(_evolution(path / HISTORY, kind, read) for kind in read[0])


def sampled_epochs(ribbons: int, epochs: int) -> list[int]:
    """Returns the indices of the epochs to show: all, or evenly spaced ones with the first and the last."""
    most = max(2, MOST_RIBBONS // max(ribbons, 1))
    if epochs <= most:
        return list(range(epochs))
    return [round(step * (epochs - 1) / (most - 1)) for step in range(most)]


def lane_name(lane: tuple[int, int]) -> str:
    """Returns the name of a lane in the layout."""
    return f"lane.{lane[0]}.{lane[1]}"


def beside(points: Sequence[Point], offset: float) -> list[Point]:
    """Returns a curve that runs beside another, ``offset`` points to the right of its direction."""
    directions = [_direction(a, b) for a, b in pairwise(points)]
    around = zip([directions[0], *directions], [*directions, directions[-1]], strict=True)
    normals = [_direction((0, 0), (-(a[1] + b[1]), a[0] + b[0])) for a, b in around]
    return [(x + nx * offset, y + ny * offset) for (x, y), (nx, ny) in zip(points, normals, strict=True)]


class CellCoefficients(BaseModel):
    """The coefficients of a kind of cell in a line of the history; see docs/search.md."""

    model_config = ConfigDict(strict=True, frozen=True)

    edges: list[list[int]] = Field(min_length=1, max_length=1024)
    operations: list[str] = Field(min_length=1, max_length=256)
    edge: list[float]
    op: list[list[float]]
    importance: list[list[float]]

    @model_validator(mode="after")
    def _sized(self) -> Self:
        edges, operations = len(self.edges), len(self.operations)
        if any(len(edge) != 2 for edge in self.edges):
            raise ValueError("an edge is a source and a target state")
        for name, rows in {"op": self.op, "importance": self.importance, "edge": [self.edge]}.items():
            expected = (1, edges) if name == "edge" else (edges, operations)
            if len(rows) != expected[0] or any(len(row) != expected[1] for row in rows):
                raise ValueError(f"{name}: expected a number for each of {edges} edges and {operations} operations")
            if any(not (math.isfinite(x) and x >= 0) for row in rows for x in row):
                raise ValueError(f"{name}: expected finite numbers from 0 on")
        return self


@dataclass(frozen=True)
class _Epoch:
    coefficients: CellCoefficients
    cell: Cell


def _read(where: str, line: Mapping[str, Any]) -> dict[str, _Epoch]:
    try:
        genotype = Genotype.from_dict(line.get("genotype"))
        found = {kind: CellCoefficients.model_validate(value) for kind, value in dict(line["coefficients"]).items()}
        epochs = {kind: _Epoch(coefficients, genotype.cells[kind]) for kind, coefficients in found.items()}
        if not epochs or any(_outside(epoch) for epoch in epochs.values()):
            raise ValueError("edges do not fit the genotype's states")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise RunError(f"{where}: coefficients: {place + ': ' if place else ''}{first['msg']}") from None
    except (GenotypeError, KeyError, TypeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise RunError(f"{where}: not an epoch of a search: {reason}") from None
    return epochs


def _unnamed(line: Mapping[str, Any]) -> bool:
    """Whether the coefficients are those of an older version, which do not name their edges and operations."""
    found = line.get("coefficients")
    cells = found.values() if isinstance(found, Mapping) else ()
    return bool(cells) and all(
        isinstance(cell, Mapping) and not {"edges", "operations"} & cell.keys() for cell in cells
    )


def _outside(epoch: _Epoch) -> bool:
    states = epoch.cell.states
    return any(not 0 <= source < target < states for source, target in epoch.coefficients.edges)


def _evolution(where: Path, kind: str, read: Sequence[Mapping[str, _Epoch]]) -> CellEvolution:
    first = read[0][kind]
    lanes = tuple((source, target) for source, target in first.coefficients.edges)
    names = first.coefficients.operations
    for number, epochs in enumerate(read, start=1):
        found = epochs[kind].coefficients if kind in epochs else None
        if found is None or found.edges != first.coefficients.edges or found.operations != names:
            raise RunError(f"{where}: line {number}: the {kind} cell has other edges or operations than in line 1")
    frames = tuple(_frame(epochs[kind]) for epochs in read)
    operations = tuple(name for name in names if name != NO_OPERATION)
    vertices = cell_vertices(first.cell)
    widest = max((label for frame in frames for label in frame.labels), key=len)
    panel = Panel(
        kind,
        "",
        vertices,
        (
            *(Arrow(lane_name(lane), f"states.{lane[0]}", f"states.{lane[1]}", widest, "") for lane in lanes),
            *(Arrow(f"concat.{state}", f"states.{state}", "output", "", "") for state in first.cell.concat),
        ),
    )
    return CellEvolution(kind, vertices, operations, lanes, lay_out(panel), frames)


def _frame(epoch: _Epoch) -> Frame:
    found = epoch.coefficients
    derived = {(edge.source, state, edge.op) for state, _, edge in epoch.cell.edges()}
    columns = [(k, name) for k, name in enumerate(found.operations) if name != NO_OPERATION]
    strongest: dict[int, float] = {}
    highest: dict[int, float] = {}
    for e, (_, target) in enumerate(found.edges):
        total = found.edge[e] * sum(found.op[e][k] for k, _ in columns)
        strongest[target] = max(strongest.get(target, 0.0), total)
        highest[target] = max(highest.get(target, 0.0), *(found.importance[e][k] for k, _ in columns))
    lanes, labels = [], []
    for e, (source, target) in enumerate(found.edges):
        ribbons = []
        for k, name in columns:
            share = found.edge[e] * found.op[e][k] / (strongest[target] or 1)
            relative = found.importance[e][k] / (highest[target] or 1)
            kept = (source, target, name) in derived
            width = max(WIDEST * share, THINNEST) if kept else WIDEST * share
            opacity = 0.5 + 0.5 * relative if kept else 0.3 * relative
            ribbons.append((width, opacity, kept, found.importance[e][k]))
        lanes.append(_stacked(ribbons))
        labels.append(_label([name for _, name in columns], lanes[-1]))
    return Frame(tuple(lanes), tuple(labels))


def _stacked(ribbons: Sequence[tuple[float, float, bool, float]]) -> tuple[Ribbon, ...]:
    """Puts ribbons side by side, around the lane's middle."""
    edge = -sum(width for width, *_ in ribbons) / 2
    placed = []
    for width, opacity, derived, importance in ribbons:
        placed.append(Ribbon(edge + width / 2, width, opacity, derived, importance))
        edge += width
    return tuple(placed)


def _label(operations: Sequence[str], lane: Sequence[Ribbon]) -> str:
    """The strongest derived operation of a lane, and the number of others."""
    kept = [(ribbon.importance, -k) for k, ribbon in enumerate(lane) if ribbon.derived]
    if not kept:
        return ""
    name = operations[-max(kept)[1]]
    return name if len(kept) == 1 else f"{name} +{len(kept) - 1}"


def _direction(a: Point, b: Point) -> Point:
    x, y = b[0] - a[0], b[1] - a[1]
    length = math.hypot(x, y) or 1.0
    return x / length, y / length
