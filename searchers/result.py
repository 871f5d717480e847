"""What a search found, read from its run folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genocc.counting import count
from genocc.genotype import Genotype
from genocc.sources import RUN_GENOTYPE

from .config import SearchConfig
from .runs import read_config, read_history

COMMAND = "search"
"""What `genocc search` calls its runs in config.json."""


@dataclass(frozen=True)
class SearchResult:
    """A finished search.

    Attributes:
        path: The run folder.
        config: What was asked.
        genotype: What was found.
        history: A mapping an epoch; see docs/search.md.
        macs: Of the target net, by genocc's own counts.
        parameters: Of the target net.
    """

    path: Path
    config: SearchConfig
    genotype: Genotype
    history: list[dict[str, Any]]
    macs: int
    parameters: int

    @classmethod
    def read(cls, path: str | Path) -> SearchResult:
        """Returns the result of a finished run; raises RunError or FileError where the folder has none."""
        folder = Path(path)
        config = SearchConfig.from_dict(read_config(folder, COMMAND), where=str(folder))
        genotype = Genotype.load(folder / RUN_GENOTYPE)
        images = genotype.metadata["images"]
        target = config.budget.target(
            classes=images["classes"], input_channels=images["channels"], input_size=tuple(images["size"])
        )
        counts = count(genotype, target)
        return cls(folder, config, genotype, read_history(folder), counts.total.macs, counts.total.parameters)

    @property
    def validation_accuracy(self) -> float:
        """Of the super-net on the validation half, after the last epoch."""
        return float(self.history[-1]["validation_accuracy"])

    @property
    def child_accuracy(self) -> float:
        """Of the same weights with every cell derived (EnTranNAS, Table 1)."""
        return float(self.history[-1]["child_accuracy"])

    @property
    def seconds(self) -> float:
        """Of all epochs."""
        return float(sum(line["seconds"] for line in self.history))

    @property
    def excess(self) -> dict[str, tuple[int, int]]:
        """What is over the budget: name -> (found, budget)."""
        budget = self.config.budget
        limits = {"MACs": (self.macs, budget.max_macs), "parameters": (self.parameters, budget.max_params)}
        return {name: (found, most) for name, (found, most) in limits.items() if most is not None and found > most}
