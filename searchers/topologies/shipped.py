"""The ranking of topologies that comes with genocc; docs/results/rank-topologies.md describes it."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

FILE = "edarts_topologies.json"
"""The ranking.json of the run, as `genocc rank-topologies` wrote it."""


@cache
def best_topology() -> tuple[tuple[int, ...], ...]:
    """Returns the topology of the first rank: per node, the states that it reads."""
    ranking = json.loads(files(__package__).joinpath(FILE).read_text(encoding="utf-8"))
    return tuple(map(tuple, ranking["topologies"][0]["predecessors"]))
