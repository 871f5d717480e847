"""Which nets a profile is measured on: random genotypes that differ in what they have much of."""

from __future__ import annotations

import random
from collections.abc import Sequence

from genocc.genotype import Cell, Edge, Genotype
from genocc.network import SKELETONS, NetworkConfig
from genocc.operations import NONE

Net = tuple[Genotype, NetworkConfig]

MOST_NODES = 5
MOST_EDGES = 5
"""Per node."""
FEW = 3
"""The most operations of a net."""


def design(operations: Sequence[str], networks: Sequence[NetworkConfig], number: int, seed: int) -> list[Net]:
    """Returns nets whose counts of units differ as much as they can.

    Nets with all operations alike would differ by little but noise. Each genotype has a few operations alone, which
    take turns, and 1 to ``MOST_NODES`` nodes of 1 to ``MOST_EDGES`` edges; the networks take turns too.

    Args:
        operations: Names of those on edges, without ``none``.
        networks: The networks around the cells.
        number: How many nets.
        seed: Of all that is random.
    """
    rng = random.Random(seed)  # noqa: S311
    operations = [name for name in operations if name != NONE]
    bag: list[str] = []
    nets: list[Net] = []
    for net in range(number):
        few: set[str] = set()
        for _ in range(rng.randint(1, min(FEW, len(operations)))):
            bag = bag or rng.sample(operations, len(operations))
            few.add(bag.pop())
        config = networks[net % len(networks)]
        nets.append((random_genotype(rng, f"profile-{net}", sorted(few), config, rng.randint(1, MOST_NODES)), config))
    return nets


def random_genotype(
    rng: random.Random, name: str, operations: Sequence[str], config: NetworkConfig, nodes: int = 4
) -> Genotype:
    """Returns a genotype for a network: per node 1 to ``MOST_EDGES`` different edges, drawn evenly."""
    inputs = SKELETONS[config.skeleton].inputs
    cells = {}
    for kind in config.kinds:
        drawn = []
        for state in range(inputs, inputs + nodes):
            possible = [(source, op) for source in range(state) for op in operations]
            chosen = rng.sample(possible, min(rng.randint(1, MOST_EDGES), len(possible)))
            drawn.append(tuple(Edge.model_validate({"op": op, "from": source}) for source, op in sorted(chosen)))
        last = inputs + nodes
        concat = (last - 1,) if inputs == 1 else tuple(range(inputs, last))
        cells[kind] = Cell(inputs=inputs, nodes=tuple(drawn), concat=concat)
    return Genotype(name=name, cells=cells)
