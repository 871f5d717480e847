"""Predicted latency of a net, by cell and edge; and what an operation adds to a cell."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from genocc import origins
from genocc.counting import cell_name
from genocc.errors import TargetError
from genocc.genotype import Genotype
from genocc.graph import Graph, GraphBuilder
from genocc.latency.model import Costs
from genocc.latency.profile import Profile
from genocc.latency.units import Unit, units
from genocc.lowering import lower
from genocc.network import NetworkConfig
from genocc.operations import Block, get
from genocc.passes import PASSES, Parameters, run_passes, select
from genocc.primitives import Input, MaxPool
from genocc.source import Source

LATENCY = "latency"
"""Key of a genotype's metadata: predicted seconds of the target net of its search."""


@dataclass(frozen=True)
class EdgeLatency:
    """Seconds of an edge, summed over all cells of the kind; what a pass merges or shares is in the first edge."""

    cell: str
    source: int
    target: int
    op: str
    seconds: float


@dataclass(frozen=True)
class Latency:
    """Predicted latency of one net at the profile's batch size.

    Attributes:
        seconds: In all.
        by_cell: stem (with the call of the net), each cell by position, head.
        by_edge: Each edge of the genotype; additions, preprocessing and concats are in no edge.
        unmeasured: Share of ``seconds`` that is of units whose shape was not among the profile's.
        profile: What it was predicted by.
    """

    seconds: float
    by_cell: dict[str, float]
    by_edge: tuple[EdgeLatency, ...]
    unmeasured: float
    profile: Profile

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data for ``--json``."""
        found = self.profile
        return {
            "seconds": self.seconds,
            "by_cell": self.by_cell,
            "by_edge": [
                {"cell": e.cell, "from": e.source, "to": e.target, "op": e.op, "seconds": e.seconds}
                for e in self.by_edge
            ],
            "unmeasured": self.unmeasured,
            "profile": {
                name: getattr(found, name) for name in ("runtime", "version", "machine", "threads", "batch", "time")
            }
            | {"median_error": found.residuals.median_error, "error_90": found.residuals.error_90},
        }


def predict(genotype: Genotype | Source, profile: Profile, config: NetworkConfig | None = None) -> Latency:
    """Returns the predicted latency of a genotype's net, or of the net of a training run.

    Raises:
        NetworkError: The skeleton has no place for the genotype's cells.
        TargetError: The net has a kind of unit that the profile has no measurement of, or takes no time by it.
    """
    source = Source.of(genotype)
    genotype, config = source.genotype, source.network(config)
    costs = profile.costs
    by_cell: dict[str, float] = {}
    by_place: defaultdict[origins.Place, float] = defaultdict(float)
    total = unmeasured = 0.0
    for unit in compiled_units(lower(genotype, config), profile.passes):
        seconds = _cost(costs, unit, profile)
        total += seconds
        unmeasured += 0.0 if unit.key in costs.deviations else seconds
        cell = cell_name(unit.origin)
        by_cell[cell] = by_cell.get(cell, 0.0) + seconds
        by_place[origins.parse(unit.origin).place] += seconds
    if not total:
        raise TargetError("the profile says that the net takes no time; measure another one with genocc profile")
    return Latency(total, by_cell, _by_edge(genotype, config, by_place), unmeasured / total, profile)


def compiled_units(graph: Graph, passes: Iterable[str]) -> list[Unit]:
    """Returns the units of a graph after a target's passes."""
    return list(units(run_passes(graph, Parameters.absent(graph), select(passes, PASSES))[0]))


def in_cell(operation: str, shape: tuple[int, int, int], stride: int, profile: Profile) -> float:
    """Returns what an operation adds to a cell: the seconds of a cell with it and its addition, less those without.

    Args:
        operation: Its name.
        shape: C, height and width of the state that it reads.
        stride: 1 or 2.
        profile: What it is predicted by.

    Raises:
        TargetError: The operation, or its addition, has a kind of unit that the profile has no measurement of.
    """
    with_it, without = (
        Counter((u.kind, u.shapes, u.work) for u in compiled_units(_cell(name, shape, stride), profile.passes))
        for name in (operation, None)
    )
    costs = profile.costs
    return sum(
        _cost(costs, Unit(operation, *unit), profile) * number
        for unit in with_it | without
        if (number := with_it[unit] - without[unit])
    )


def _cell(operation: str | None, shape: tuple[int, int, int], stride: int) -> Graph:
    """A state, a pool that keeps its pixels and gives the sum a second term, the operation, and a mean.

    The pool is no unit of any profile: it is in both cells, and so in no difference.
    """
    channels, height, width = shape
    b = Block(GraphBuilder(), "cell", channels)
    state = b.conv(b.builder.add(origins.IMAGE, Input(3, height, width)), "conv", 1)
    total = b.pool(state, "pool", MaxPool(1, stride))
    if operation is not None:
        total = b.add(total, get(operation).lower(b.within(operation), state, stride))
    return b.builder.build(mean=b.mean(total))


def _cost(costs: Costs, unit: Unit, profile: Profile) -> float:
    if unit.kind not in costs.kinds:
        raise TargetError(
            f"{unit.origin}: the profile has no measurement of '{unit.kind}'; its nets have the operations "
            f"{', '.join(profile.nets.operations)}: measure again with genocc profile --space extended, or with "
            "--operation for each that is missing"
        )
    return costs.of(unit)


def _by_edge(
    genotype: Genotype, config: NetworkConfig, by_place: Mapping[origins.Place, float]
) -> tuple[EdgeLatency, ...]:
    rows = []
    for kind, cell in genotype.cells.items():
        numbers = [number for number in range(config.layers) if config.kind(number) == kind]
        for state, position, edge in cell.edges():
            places = [origins.Edge(number, state - cell.inputs, edge.op, position) for number in numbers]
            rows.append(
                EdgeLatency(kind, edge.source, state, edge.op, sum(by_place.get(place, 0.0) for place in places))
            )
    return tuple(rows)
