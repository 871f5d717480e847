"""The result of a search, read from its run folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genocc.configuration import LARGEST
from genocc.counting import count
from genocc.errors import RunError
from genocc.genotype import Genotype
from genocc.latency.prediction import LATENCY
from genocc.network import NetworkConfig
from genocc.runs.costs import Costs
from genocc.runs.history import finished_epochs
from genocc.runs.images import image_sizes
from genocc.runs.reading import RUN_GENOTYPE, SEARCH, read_config

from .config import SearchConfig


@dataclass(frozen=True)
class SearchResult:
    """A finished search.

    Attributes:
        path: The run folder.
        config: The search that was asked for.
        genotype: The one found.
        history: One mapping per epoch; see docs/search.md.
        target: The network whose cost the budget limits.
        macs: Of ``target``, by genocc's own counts.
        parameters: Of ``target``.
        latency: Predicted, of ``target``, in seconds; None where the search had no profile.
        seeds: Of all searches of several with different seeds, this one among them; empty for a single search.
    """

    path: Path
    config: SearchConfig
    genotype: Genotype
    history: list[dict[str, Any]]
    target: NetworkConfig
    macs: int
    parameters: int
    seeds: tuple[SearchResult, ...] = ()
    latency: float | None = None

    @classmethod
    def read(cls, path: str | Path) -> SearchResult:
        """Returns the result of a finished run; raises GenoccError where the folder has none."""
        folder = Path(path)
        genotype = Genotype.load(folder / RUN_GENOTYPE)
        return cls.of(folder, read_search(path), genotype, finished_epochs(folder, SEARCH))

    @classmethod
    def of(cls, folder: Path, config: SearchConfig, genotype: Genotype, history: list[dict[str, Any]]) -> SearchResult:
        """Returns the result of a finished run of which the files have been read; raises GenoccError."""
        target = config.budget.target(**image_sizes(genotype, str(folder / RUN_GENOTYPE)))
        total = count(genotype, target).total
        latency = genotype.metadata.get(LATENCY)
        if latency is not None and not (isinstance(latency, float) and 0 < latency < LARGEST):
            where = folder / RUN_GENOTYPE
            raise RunError(f"{where}: $.metadata.{LATENCY} is not what the search wrote; was it changed?")
        return cls(folder, config, genotype, history, target, total.macs, total.parameters, latency=latency)

    @property
    def genotype_path(self) -> Path:
        """Path of the genotype; that of several searches is in the folder of them all."""
        return (self.path.parent if self.seeds else self.path) / RUN_GENOTYPE

    @property
    def validation_accuracy(self) -> float | None:
        """Accuracy of the super-net on the validation half, after the last epoch; None where nothing was trained."""
        return self._last("validation_accuracy")

    @property
    def child_accuracy(self) -> float | None:
        """Accuracy of the same weights with every cell derived (EnTranNAS, Table 1), BN statistics estimated anew.

        None where nothing was trained.
        """
        return self._last("child_accuracy")

    @property
    def child_accuracy_stale(self) -> float | None:
        """The same with the BN statistics that the super-net's steps have left; None in older runs too."""
        return self._last("child_accuracy_stale")

    @property
    def undecided(self) -> tuple[str, ...]:
        """What the search has left to chance, a sentence each; see `genocc.searchers.decision`."""
        return tuple(self.history[-1].get("undecided") or ())

    @property
    def seconds(self) -> float:
        """Duration of all epochs."""
        return float(sum(line["seconds"] for line in self.history))

    @property
    def costs(self) -> Costs:
        """Time, GPU-days, devices and peak memory of all epochs."""
        return Costs.of(self.history)

    @property
    def excess(self) -> dict[str, tuple[float, float]]:
        """Costs that exceed the budget: name -> (found, budget); the latency in seconds."""
        budget = self.config.budget
        limits: dict[str, tuple[float | None, float | None]] = {
            "MACs": (self.macs, budget.max_macs),
            "parameters": (self.parameters, budget.max_params),
            "latency": (self.latency, budget.max_latency),
        }
        return {
            name: (found, most)
            for name, (found, most) in limits.items()
            if most is not None and found is not None and found > most
        }

    def _last(self, name: str) -> float | None:
        found = self.history[-1].get(name)
        return None if found is None else float(found)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data for ``--json``."""
        last = self.history[-1]
        return {
            "run": str(self.path),
            "genotype": str(self.genotype_path),
            "hash": self.genotype.hash,
            "epochs": len(self.history),
            "seconds": self.seconds,
            "costs": self.costs.to_dict(),
            "validation_accuracy": self.validation_accuracy,
            "child_accuracy": self.child_accuracy,
            "child_accuracy_stale": self.child_accuracy_stale,
            **{name: last[name] for name in ("edges_per_node", "skip_connections", "entropy")},
            "undecided": list(self.undecided),
            "macs": self.macs,
            "parameters": self.parameters,
            **({} if self.latency is None else {"latency": self.latency}),
            "target": self.target.model_dump(mode="json"),
            "excess": {name: found - most for name, (found, most) in self.excess.items()},
            "seeds": [result.to_dict() for result in self.seeds],
        }


def read_search(path: str | Path) -> SearchConfig:
    """Returns the configuration of a search from its run folder; raises RunError or ConfigError."""
    return SearchConfig.from_dict(read_config(path, SEARCH), where=str(path))
