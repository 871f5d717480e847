"""Exact costs of a net, from its graph alone.

Conventions. Parameters: all trained tensors (convolutions, BN scale and shift, classifier), not running statistics.
MACs: multiply-accumulates of convolutions and linear layers for one image, bias additions not counted. FLOPs: twice
the MACs. Other arithmetic (BN, pools, additions, ReLUs) is listed as element operations and is part of neither.
Activation peak: the largest sum of live values (float32) while the nodes run in order, each freed after its last use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from math import prod
from typing import Any, TypeVar

from genocc import origins
from genocc.errors import NetworkError
from genocc.genotype import Genotype
from genocc.graph import Graph, Node
from genocc.lowering import lower
from genocc.network import NetworkConfig
from genocc.passes import COUNTED, PASSES, Parameters, run_passes, select
from genocc.source import Source

Key = TypeVar("Key")

MAX_WEIGHTS = 1 << 34
"""The most bytes of weights of a net that is run or trained."""
MAX_ACTIVATIONS = 1 << 32
"""The most bytes of activations with which a net is run to verify it."""


@dataclass(frozen=True)
class Cost:
    """A sum over some nodes."""

    parameters: int
    macs: int
    elementwise: int
    nodes: int

    @property
    def flops(self) -> int:
        """Twice the MACs."""
        return 2 * self.macs


@dataclass(frozen=True)
class EdgeCost:
    """An edge of a cell with its cost, summed over all cells of the kind."""

    cell: str
    source: int
    target: int
    op: str
    cost: Cost


@dataclass(frozen=True)
class Counts:
    """All figures of one net.

    Attributes:
        total: Of the inference net before any pass, dead states included.
        auxiliary_parameters: Of the auxiliary head, which training adds; None if the maps are too small for one.
        activation_peak: Bytes at batch 1 in float32.
        by_kind: conv, linear, bn, pool, add, activation, data movement.
        by_cell: stem, each cell by position, head.
        by_edge: Each edge of the genotype.
        compiled: Of the net that the compiler emits; see `compiled_graph`.
        compiled_activation_peak: Bytes at batch 1 in float32 of the compiled net.
        training: Of the training net with its auxiliary head; None if the configuration has none.
    """

    total: Cost
    auxiliary_parameters: int | None
    activation_peak: int
    by_kind: dict[str, Cost]
    by_cell: dict[str, Cost]
    by_edge: tuple[EdgeCost, ...]
    compiled: Cost
    compiled_activation_peak: int
    training: Cost | None
    config: NetworkConfig = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data for ``--json``."""
        return {
            **_figures(self.total),
            "auxiliary_parameters": self.auxiliary_parameters,
            "activation_peak_bytes": self.activation_peak,
            "by_kind": {kind: _figures(cost) for kind, cost in self.by_kind.items()},
            "by_cell": {cell: _figures(cost) for cell, cost in self.by_cell.items()},
            "by_edge": [
                {"cell": e.cell, "from": e.source, "to": e.target, "op": e.op, **_figures(e.cost)} for e in self.by_edge
            ],
            "compiled": {**_figures(self.compiled), "activation_peak_bytes": self.compiled_activation_peak},
            "training": _figures(self.training) if self.training else None,
            "network": self.config.model_dump(mode="json"),
        }


def count(genotype: Genotype | Source, config: NetworkConfig | None = None) -> Counts:
    """Returns the exact costs of a genotype's net, or of the net of a training run that `genocc.open` has opened.

    Raises:
        NetworkError: The skeleton has no place for the genotype's cells, or its maps are too small for the auxiliary
            head that the configuration asks for.
    """
    source = Source.of(genotype)
    genotype, config = source.genotype, source.network(config)
    graph = lower(genotype, config)
    nodes = list(graph.nodes.values())
    compiled = compiled_graph(graph)
    return Counts(
        total=cost(nodes),
        auxiliary_parameters=_auxiliary_parameters(genotype, config),
        activation_peak=activation_peak(graph),
        by_kind=_grouped(nodes, lambda node: node.primitive.category),
        by_cell=_grouped(nodes, lambda node: cell_name(node.name)),
        by_edge=_by_edge(genotype, config, nodes),
        compiled=cost(compiled.nodes.values()),
        compiled_activation_peak=activation_peak(compiled),
        training=cost(lower(genotype, config, training=True).nodes.values()) if config.auxiliary else None,
        config=config,
    )


def cost_by_edge(genotype: Genotype, config: NetworkConfig) -> tuple[Cost, tuple[EdgeCost, ...]]:
    """Returns the total and the costs of the edges as `count` does, and none of its other figures; raises NetworkError.

    Parameters and MACs of an edge depend on its operation, its ends and the network, not on the other edges, as long as
    all nodes are part of the cell's output.
    """
    nodes = list(lower(genotype, config).nodes.values())
    return cost(nodes), _by_edge(genotype, config, nodes)


def cost(nodes: Iterable[Node]) -> Cost:
    """Returns the sum over nodes."""
    parameters = macs = elementwise = number = 0
    for node in nodes:
        parameters += sum(map(prod, node.parameters().values()))
        macs += node.macs
        elementwise += node.elementwise
        number += 1
    return Cost(parameters, macs, elementwise, number)


def activation_peak(graph: Graph, bytes_per_element: int = 4) -> int:
    """Returns the largest number of bytes alive at once at batch 1 (liveness in node order)."""
    last_use = {value: name for name, node in graph.nodes.items() for value in node.inputs}
    alive = peak = 0
    for name, node in graph.nodes.items():
        alive += prod(node.shape)
        peak = max(peak, alive)
        finished = (value for value in {*node.inputs, name} if last_use.get(value, name) == name)
        alive -= sum(prod(graph.nodes[value].shape) for value in finished if value not in graph.outputs.values())
    return peak * bytes_per_element


def check_weights(graph: Graph, share: float = 1.0) -> None:
    """Refuses a net whose weights, or that share of them, do not fit into ``MAX_WEIGHTS``; raises NetworkError."""
    size = 4 * share * sum(map(prod, graph.parameters().values()))
    if size > MAX_WEIGHTS:
        raise NetworkError(
            f"the weights of this net take {size / 2**30:,.1f} GiB of memory; at most {MAX_WEIGHTS / 2**30:.0f} GiB "
            "are used: choose fewer channels or layers"
        )


def check_activations(graph: Graph, images: int, advice: str) -> None:
    """Refuses a batch whose values do not fit into ``MAX_ACTIVATIONS``; raises NetworkError, which ends in advice."""
    size = images * activation_peak(graph)
    if size > MAX_ACTIVATIONS:
        shape = "x".join(map(str, graph.input.shape))
        raise NetworkError(
            f"{images:,} images of {shape} need {size / 2**30:.1f} GiB of memory in this net; at most "
            f"{MAX_ACTIVATIONS / 2**30:.0f} GiB are used: {advice}"
        )


def compiled_graph(graph: Graph) -> Graph:
    """Returns the graph after the rewrites that every target gets; they add no parameters and no MACs."""
    return run_passes(graph, Parameters.absent(graph), select(COUNTED, PASSES))[0]


def cell_name(origin: str) -> str:
    """Returns where costs by cell count a value: stem, a cell by position, or head."""
    place = origins.parse(origin).place
    if not isinstance(place, origins.Section):
        return str(origins.Cell(place.cell))
    return "stem" if place.name in (origins.IMAGE, *origins.STEMS) else "head"


def _by_edge(genotype: Genotype, config: NetworkConfig, nodes: list[Node]) -> tuple[EdgeCost, ...]:
    groups = _sorted_into(nodes, lambda node: origins.parse(node.name).place)
    rows = []
    for kind, cell in genotype.cells.items():
        numbers = [number for number in range(config.layers) if config.kind(number) == kind]
        for state, position, edge in cell.edges():
            places = [origins.Edge(number, state - cell.inputs, edge.op, position) for number in numbers]
            members = [node for place in places for node in groups.get(place, ())]
            rows.append(EdgeCost(kind, edge.source, state, edge.op, cost(members)))
    return tuple(rows)


def _auxiliary_parameters(genotype: Genotype, config: NetworkConfig) -> int | None:
    try:
        graph = lower(genotype, config.model_copy(update={"auxiliary": True}), training=True)
    except NetworkError:
        return None
    return cost(node for node in graph.nodes.values() if origins.is_auxiliary(node.name)).parameters


def _grouped(nodes: list[Node], key: Callable[[Node], str]) -> dict[str, Cost]:
    return {name: cost(members) for name, members in _sorted_into(nodes, key).items()}


def _sorted_into(nodes: list[Node], key: Callable[[Node], Key]) -> dict[Key, list[Node]]:
    groups: dict[Key, list[Node]] = {}
    for node in nodes:
        groups.setdefault(key(node), []).append(node)
    return groups


def _figures(cost: Cost) -> dict[str, int]:
    return {**asdict(cost), "flops": cost.flops}
