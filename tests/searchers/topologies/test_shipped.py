"""The ranking that comes with genocc is a whole one, and eDARTS' default topology is its best."""

from importlib.resources import files

from genocc.searchers.config import SearchConfig
from genocc.searchers.parts import FixedEdges
from genocc.searchers.topologies.config import RankingConfig
from genocc.searchers.topologies.result import read_ranking
from genocc.searchers.topologies.shipped import FILE, best_topology
from genocc.searchers.topologies.topologies import sampled


def test_the_file_is_a_whole_ranking_in_order() -> None:
    ranking = read_ranking(str(files("genocc.searchers.topologies").joinpath(FILE)))
    config = RankingConfig.from_dict(ranking.config)  # can be repeated
    found = ranking.topologies
    assert {one.topology for one in found} == set(sampled(config.sample, config.training.seed))
    finalists, others = found[: config.top], found[config.top :]
    assert len(finalists) == min(config.top, len(found))
    both = [one.accuracy_both for one in finalists]
    assert None not in both
    assert both == sorted(both, key=lambda accuracy: -(accuracy or 0))
    normal = [one.accuracy_normal for one in others]
    assert normal == sorted(normal, reverse=True)
    assert all(one.accuracy_both is None for one in others)
    assert not normal or min(one.accuracy_normal for one in finalists) >= normal[0]


def test_edarts_searches_along_the_best() -> None:
    ranking = read_ranking(str(files("genocc.searchers.topologies").joinpath(FILE)))
    topology = SearchConfig.make("edarts").topology
    assert isinstance(topology, FixedEdges)
    assert topology.predecessors == best_topology() == ranking.topologies[0].topology
