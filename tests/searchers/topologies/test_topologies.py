"""Cell topologies: which there are, and what is trained for them."""

import json

from genocc.searchers.config import SearchConfig
from genocc.searchers.topologies.topologies import FIXED, genotype_of, name_of, sampled, topologies


def test_there_are_180_different_topologies_of_earlier_states() -> None:
    found = topologies()
    assert len(found) == len(set(found)) == 1 * 3 * 6 * 10
    for topology in found:
        assert [len(set(sources)) for sources in topology] == [2, 2, 2, 2]
        assert all(min(sources) >= 0 and max(sources) < 2 + node for node, sources in enumerate(topology))
        SearchConfig.make("edarts", overrides=[f"topology.predecessors={json.dumps(topology)}"])
    assert len({name_of(topology) for topology in found}) == 180


def test_a_topology_stands_in_normal_cells_first_and_in_both_then() -> None:
    topology = ((0, 1), (1, 2), (0, 3), (2, 4))
    first, second = genotype_of(topology, "normal"), genotype_of(topology, "both")
    for genotype in (first, second):
        assert genotype.name == "01-12-03-24"
        edges = [(edge.source, node) for node, edges in enumerate(genotype.cells["normal"].nodes, 2) for edge in edges]
        assert edges == [(0, 2), (1, 2), (1, 3), (2, 3), (0, 4), (3, 4), (2, 5), (4, 5)]
        assert {edge.op for node in genotype.cells["normal"].nodes for edge in node} == {"sep_conv_3x3"}
        assert set(genotype.cells["normal"].concat) == {2, 3, 4, 5}
    assert second.cells["reduction"] == second.cells["normal"]
    assert {edge.op for node in first.cells["reduction"].nodes for edge in node} == {"max_pool_3x3"}
    other = genotype_of(topologies()[-1], "normal")
    assert first.cells["reduction"] == other.cells["reduction"]
    assert tuple(tuple(e.source for e in node) for node in other.cells["reduction"].nodes) == FIXED


def test_a_sample_is_a_function_of_the_seed() -> None:
    assert sampled(7, 1) == sampled(7, 1) != sampled(7, 2)
    assert len(set(sampled(7, 1))) == 7
    assert sampled(7, 1) == sorted(sampled(7, 1))
    assert sampled(None, 0) == sampled(500, 0) == topologies()
