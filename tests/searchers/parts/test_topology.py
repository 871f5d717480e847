"""Topology: which edges a super-cell has."""

from hypothesis import given
from hypothesis import strategies as st

from genocc.searchers.parts.space import SpaceConfig
from genocc.searchers.parts.topology import AllEdges, FixedEdges


def test_all_edges() -> None:
    space = AllEdges().cell_space(SpaceConfig().operations)
    assert space.edges == tuple((source, target) for target in range(2, 6) for source in range(target))
    assert len(space.edges) == 14
    assert space.incoming(3) == [2, 3, 4]


def test_two_a_node() -> None:
    space = FixedEdges(predecessors=((1, 0), (0, 2), (1, 3), (2, 4))).cell_space(SpaceConfig().operations)
    assert space.edges == ((0, 2), (1, 2), (0, 3), (2, 3), (1, 4), (3, 4), (2, 5), (4, 5))


@given(st.integers(1, 8))
def test_all_edges_come_from_every_earlier_state_in_order(nodes: int) -> None:
    space = AllEdges(nodes=nodes).cell_space(["skip_connect"])
    assert len(space.edges) == 2 * nodes + nodes * (nodes - 1) // 2
    assert list(space.edges) == sorted(space.edges, key=lambda edge: (edge[1], edge[0]))
    assert [len(space.incoming(2 + node)) for node in range(nodes)] == [2 + node for node in range(nodes)]
    assert (space.inputs, space.nodes, space.operations) == (2, nodes, ("skip_connect",))
