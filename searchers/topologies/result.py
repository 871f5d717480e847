"""The result of a ranking: topologies with the accuracies that they were ranked by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genocc.errors import RunError
from genocc.files import read_text
from genocc.version import __version__

from .topologies import Topology, genotype_of, name_of

MAX_BYTES = 1 << 24


@dataclass(frozen=True)
class RankedTopology:
    """A topology with the accuracies that it was ranked by.

    Attributes:
        topology: The states that each node reads.
        accuracy_normal: Of the net with the topology in its normal cells.
        accuracy_both: With it in all cells; None where it did not enter the second phase.
    """

    topology: Topology
    accuracy_normal: float
    accuracy_both: float | None = None

    @property
    def name(self) -> str:
        """Short name: 01-02-13-24."""
        return name_of(self.topology)

    @property
    def hash(self) -> str:
        """Identity of the normal cell: the same for isomorphic topologies."""
        return genotype_of(self.topology, "normal").hash


@dataclass(frozen=True)
class Ranking:
    """The result: topologies, the best first.

    Attributes:
        config: How they were ranked.
        topologies: Those of the second phase by its accuracies, then the others by those of the first.
        path: The file.
    """

    config: Mapping[str, Any]
    topologies: tuple[RankedTopology, ...]
    path: Path

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data, whose rows `genocc rank` reads."""
        rows = [
            {
                "rank": rank,
                "name": one.name,
                "predecessors": [list(sources) for sources in one.topology],
                "accuracy_normal": one.accuracy_normal,
                "accuracy_both": one.accuracy_both,
                "hash": one.hash,
            }
            for rank, one in enumerate(self.topologies, start=1)
        ]
        return {"format": "genocc.topologies", "genocc": __version__, "config": dict(self.config), "topologies": rows}


def read_ranking(path: str | Path) -> Ranking:
    """Reads what `rank_topologies` wrote; raises FileError or RunError."""
    try:
        data = json.loads(read_text(path, limit=MAX_BYTES))
        rows = tuple(
            RankedTopology(
                tuple(tuple(map(int, sources)) for sources in row["predecessors"]),
                float(row["accuracy_normal"]),
                None if row["accuracy_both"] is None else float(row["accuracy_both"]),
            )
            for row in data["topologies"]
        )
        return Ranking(data["config"], rows, Path(path))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise RunError(f"{path}: not a ranking of `genocc rank-topologies`: {reason}") from None
