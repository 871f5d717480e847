"""The ranking of topologies that comes with genocc: what it is made of, docs/results/rank-topologies.md says."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

FILE = "edarts_topologies.json"
"""The ranking.json of the run, as `genocc rank-topologies` wrote it."""


@cache
def best_topology() -> tuple[tuple[int, ...], ...]:
    """Returns the states that each node reads in the topology of the first rank."""
    ranking = json.loads(files(__package__).joinpath(FILE).read_text(encoding="utf-8"))
    return tuple(map(tuple, ranking["topologies"][0]["predecessors"]))
