"""Topology and placement."""

import pytest

from genocc.network import NetworkConfig
from genocc.searchers.interface import View
from genocc.searchers.parts.placement import PlacementConfig, views
from genocc.searchers.parts.space import SpaceConfig
from genocc.searchers.parts.topology import TopologyConfig, cell_space


def test_all_edges() -> None:
    space = cell_space(TopologyConfig(), SpaceConfig().operations)
    assert space.edges == tuple((source, target) for target in range(2, 6) for source in range(target))
    assert len(space.edges) == 14
    assert space.incoming(3) == [2, 3, 4]


def test_two_a_node() -> None:
    space = cell_space(
        TopologyConfig(edges="fixed", predecessors=((1, 0), (0, 2), (1, 3), (2, 4))), SpaceConfig().operations
    )
    assert space.edges == ((0, 2), (1, 2), (0, 3), (2, 3), (1, 4), (3, 4), (2, 5), (4, 5))


@pytest.mark.parametrize(
    ("engine", "mixed"),
    [
        ("all", {0, 1, 2, 3, 4, 5, 6, 7}),
        ("half", {0, 1, 2, 3}),
        ("first", {0, 2}),
        ("last", {5, 7}),
    ],
)
def test_engine_cells_of_eight(engine: str, mixed: set[int]) -> None:
    """EnTranNAS, Figure 4: 8 cells, the third and the sixth are reductions."""
    network = NetworkConfig(layers=8)
    found = views(PlacementConfig(engine=engine), [network.kind(number) for number in range(8)])
    assert {number for number, view in enumerate(found) if view is View.MIXED} == mixed
