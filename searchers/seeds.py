"""Several searches that differ in their seed, in one folder; the best one's genotype is the folder's.

::

    runs/a/
      config.json  genotype.json  log.txt
      seed-0/  seed-1/  ...            one run folder per seed
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from genocc.configuration import check_seeds
from genocc.data import DataSet
from genocc.data.settings import load_data
from genocc.engines.base import Engine
from genocc.engines.seeds import SeedRuns, run_all
from genocc.errors import ConfigError, quoted
from genocc.launcher import launched
from genocc.runs.progress import Progress
from genocc.runs.randomness import preserved
from genocc.runs.reading import MAX_SEEDS, RUN_GENOTYPE, SEARCH, SEARCH_SEEDS, read_command, read_config

from .config import SearchConfig, as_today
from .result import SearchResult
from .search import run_search


def run_seeds(
    config: SearchConfig,
    seeds: int,
    out: str | Path,
    *,
    resume: bool = False,
    device: str = "auto",
    engine: Engine | None = None,
    progress: Progress | None = None,
    track: Iterable[str] = (),
) -> SearchResult:
    """Searches with ``seeds`` seeds, counted from the configuration's, and returns the best (EnTranNAS, Section 4.2).

    Arguments and errors as those of `run_search`, and of `genocc.engines.seeds.run_all`.
    """
    check_seeds(config.seed, seeds, MAX_SEEDS)
    trackers = tuple(track)
    if launched():
        raise ConfigError("--seeds with torchrun: several processes share one search; give each run its own --seed")

    def of_seed(seed: int) -> SearchConfig:
        return config.model_copy(update={"seed": seed})

    def load() -> DataSet:
        with preserved():  # images may be drawn with PyTorch's own generator
            torch.manual_seed(config.seed)
            return load_data(config.data, resume=resume)

    def run(seed: int, folder: Path, begun: bool, data: DataSet | None) -> SearchResult:
        quiet = None if data is None else replace(data, note="")  # said once, not by each run
        return run_search(
            of_seed(seed), folder, resume=begun, device=device, progress=progress, data=quiet, track=trackers
        )

    def summary(results: list[SearchResult]) -> tuple[str, str]:
        best = best_of(results)
        return best.genotype.dumps(), f"{best.path.name} is the best of {seeds}"

    runs = SeedRuns(
        command=SEARCH,
        several=SEARCH_SEEDS,
        seeds=range(config.seed, config.seed + seeds),
        config={"seeds": seeds, "search": config.model_dump(mode="json")},
        config_of=lambda seed: of_seed(seed).model_dump(mode="json"),
        finished=RUN_GENOTYPE,
        result=RUN_GENOTYPE,
        load=load,
        run=run,
        read=SearchResult.read,
        summary=summary,
        today=_as_today,
        today_of_one=as_today,
        track=trackers,
    )
    results = run_all(runs, out, resume=resume, engine=engine, device=device, progress=progress)
    return replace(best_of(results), seeds=tuple(results))


def _as_today(own: Mapping[str, Any]) -> dict[str, Any]:
    search = own.get("search")
    return {**own, "search": as_today(search) if isinstance(search, Mapping) else search}


def best_of(results: Sequence[SearchResult]) -> SearchResult:
    """Returns the first with the highest validation accuracy, among those within the budget if there are any.

    Where nothing was trained, that is the first.
    """
    return max(results, key=lambda result: (not result.excess, result.validation_accuracy or 0.0))


def is_seeds(path: str | Path) -> bool:
    """Whether a folder holds several searches; raises RunError where it holds no run."""
    return read_command(path) == SEARCH_SEEDS


def read_seeds(path: str | Path) -> tuple[SearchConfig, int]:
    """Returns the configuration of the first search and their number; raises RunError or ConfigError."""
    found = read_config(path, SEARCH_SEEDS)
    seeds = found.get("seeds")
    if type(seeds) is not int:
        raise ConfigError(f"{path}: seeds: found {quoted(seeds)}; expected a number")
    return SearchConfig.from_dict(found.get("search", {}), where=str(path)), seeds
