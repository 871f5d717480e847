"""Several searches that differ in their seed, in one folder; the best one's genotype is the folder's.

::

    runs/a/
      config.json  genotype.json  log.txt
      seed-0/  seed-1/  ...            one run folder per seed
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from genocc.configuration import check_seeds
from genocc.data.settings import load_data
from genocc.errors import ConfigError, GenoccError, quoted
from genocc.launcher import launched
from genocc.runs.folder import open_run
from genocc.runs.progress import Progress
from genocc.runs.reading import CONFIG, MAX_SEEDS, SEARCH_SEEDS, read_command, read_config, seed_folder

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
    progress: Progress | None = None,
) -> SearchResult:
    """Searches with ``seeds`` seeds, counted from the configuration's, and returns the best (EnTranNAS, Section 4.2).

    Arguments and errors as those of `run_search`.
    """
    check_seeds(config.seed, seeds, MAX_SEEDS)
    if launched():
        raise ConfigError("--seeds with torchrun: several processes share one search; give each run its own --seed")
    asked = {"seeds": seeds, "search": config.model_dump(mode="json")}
    with open_run(out, SEARCH_SEEDS, asked, resume=resume, today=_as_today) as run:
        data = None
        if not run.finished:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(config.seed)
                data = load_data(config.data, resume=resume)
            run.note_data(data.identity())
            run.begin()
            if data.note and progress:
                progress.message(data.note)
            data = replace(data, note="")  # said once, not by each run
        results = []
        for seed in range(config.seed, config.seed + seeds):
            folder = seed_folder(run.path, seed)
            begun = (folder / CONFIG).exists()
            of_seed = config.model_copy(update={"seed": seed})
            try:
                found = run_search(of_seed, folder, resume=begun, device=device, progress=progress, data=data)
                results.append(found)
            except GenoccError:
                if not folder.exists() and not results:
                    run.withdraw()
                raise
        best = best_of(results)
        if not run.finished:
            run.finish(best.genotype.dumps())
            run.log(f"finished: {best.path.name} is the best of {seeds}")
        return replace(best, seeds=tuple(results))


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
    if not isinstance(seeds, int):
        raise ConfigError(f"{path}: seeds: found {quoted(seeds)}; expected a number")
    return SearchConfig.from_dict(found.get("search", {}), where=str(path)), seeds
