"""Several trainings that differ in their seed, in one folder, and the mean and deviation of what they came to.

::

    runs/t/
      config.json  seeds.json  log.txt
      seed-0/  seed-1/  ...            one run folder per seed
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from genocc.configuration import check_seeds
from genocc.data import DataSet
from genocc.data.settings import load_data
from genocc.engines.base import Engine
from genocc.engines.seeds import SeedRuns, run_all
from genocc.errors import ConfigError, quoted
from genocc.genotype import Genotype
from genocc.launcher import launched
from genocc.runs.progress import Progress
from genocc.runs.randomness import preserved
from genocc.runs.reading import MAX_SEEDS, RUN_LAST, RUN_SEEDS, TRAIN, TRAIN_SEEDS, read_command, read_config
from genocc.training.config import TrainConfig
from genocc.training.result import TrainResult, config_json, over_seeds, parse_config
from genocc.training.training import run_training


def run_training_seeds(
    genotype: Genotype,
    config: TrainConfig,
    seeds: int,
    out: str | Path,
    *,
    resume: bool = False,
    device: str = "auto",
    engine: Engine | None = None,
    progress: Progress | None = None,
    track: Iterable[str] = (),
) -> TrainResult:
    """Trains with ``seeds`` seeds, counted from the configuration's, and returns the best, with all in its ``seeds``.

    Best is the one whose best epoch has the highest accuracy. Arguments and errors as those of `run_training`, and of
    `genocc.engines.seeds.run_all`.
    """
    check_seeds(config.seed, seeds, MAX_SEEDS)
    trackers = tuple(track)
    if launched():
        raise ConfigError("--seeds with torchrun: several processes train one net; give each run its own --seed")

    def of_seed(seed: int) -> TrainConfig:
        return config.model_copy(update={"seed": seed})

    def load() -> DataSet:
        with preserved():  # images may be drawn with PyTorch's own generator
            return load_data(config.data, resume=resume)

    def run(seed: int, folder: Path, begun: bool, data: DataSet | None) -> TrainResult:
        quiet = None if data is None else replace(data, note="")  # said once, not by each run
        return run_training(
            genotype, of_seed(seed), folder, resume=begun, device=device, progress=progress, data=quiet, track=trackers
        )

    runs = SeedRuns(
        command=TRAIN,
        several=TRAIN_SEEDS,
        seeds=range(config.seed, config.seed + seeds),
        config={"seeds": seeds, "training": config_json(config, genotype)},
        config_of=lambda seed: config_json(of_seed(seed), genotype),
        finished=RUN_LAST,
        result=RUN_SEEDS,
        load=load,
        run=run,
        read=TrainResult.read,
        summary=lambda results: (json.dumps(over_seeds(results), indent=1) + "\n", f"{seeds} seeds"),
        track=trackers,
    )
    results = run_all(runs, out, resume=resume, engine=engine, device=device, progress=progress)
    best = max(results, key=lambda result: result.best_top1)  # the first of equals
    return replace(best, seeds=tuple(results))


def is_training_seeds(path: str | Path) -> bool:
    """Whether a folder holds several trainings; raises RunError where it holds no run."""
    return read_command(path) == TRAIN_SEEDS


def read_training_seeds(path: str | Path) -> tuple[TrainConfig, Genotype, int]:
    """Returns the configuration of the first training, what is trained, and the number of seeds.

    Raises:
        RunError: The folder holds no such run.
        GenoccError: Its configuration is not what the command writes.
    """
    found = read_config(path, TRAIN_SEEDS)
    seeds, training = found.get("seeds"), found.get("training")
    if type(seeds) is not int:
        raise ConfigError(f"{path}: seeds: found {quoted(seeds)}; expected a number")
    if not isinstance(training, dict):
        raise ConfigError(f"{path}: training: found {quoted(training)}; expected an object")
    return *parse_config(training, str(path)), seeds
