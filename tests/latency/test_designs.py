"""Nets of a profile: all operations, from 1 to 5 edges per node, and far from alike."""

from __future__ import annotations

import random
from collections import Counter

from genocc.latency.designs import design, random_genotype
from genocc.network import NetworkConfig

OPERATIONS = ("none", "skip_connect", "max_pool_3x3", "sep_conv_3x3", "dil_conv_5x5")
NETWORKS = [NetworkConfig(channels=c, layers=5) for c in (8, 16)]


def test_operations_and_networks_take_turns() -> None:
    nets = design(OPERATIONS, NETWORKS, 40, seed=0)
    used = Counter(name for genotype, _ in nets for name in {edge.op for edge in edges(genotype)})
    assert set(used) == set(OPERATIONS) - {"none"}
    assert max(used.values()) <= 1.5 * min(used.values())
    assert Counter(config.channels for _, config in nets) == {8: 20, 16: 20}
    assert min(len({edge.op for edge in edges(genotype)}) for genotype, _ in nets) == 1


def test_nodes_have_one_to_five_different_edges() -> None:
    nets = design(OPERATIONS, NETWORKS, 60, seed=0)
    nodes = [node for genotype, _ in nets for cell in genotype.cells.values() for node in cell.nodes]
    assert {len(node) for node in nodes} == {1, 2, 3, 4, 5}
    assert all(len(set(node)) == len(node) for node in nodes)
    assert {len(cell.nodes) for genotype, _ in nets for cell in genotype.cells.values()} == {1, 2, 3, 4, 5}


def test_a_seed_is_a_design() -> None:
    assert design(OPERATIONS, NETWORKS, 5, seed=3) == design(OPERATIONS, NETWORKS, 5, seed=3)
    assert design(OPERATIONS, NETWORKS, 5, seed=3) != design(OPERATIONS, NETWORKS, 5, seed=4)


def test_cells_of_one_input() -> None:
    config = NetworkConfig(skeleton="nas-bench-201", layers=5)
    genotype = random_genotype(random.Random(0), "one", OPERATIONS[1:], config, nodes=3)
    assert (genotype.cells["normal"].inputs, genotype.cells["normal"].concat) == (1, (3,))


def edges(genotype):  # type: ignore[no-untyped-def]
    return [edge for cell in genotype.cells.values() for node in cell.nodes for edge in node]
