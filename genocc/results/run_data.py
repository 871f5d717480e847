"""Runs as reports show them, read from their folders: a search, several searches of different seeds, or a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genocc.counting import Counts, count
from genocc.errors import GenoccError, NetworkError, RunError
from genocc.files import read_bytes
from genocc.genotype import MAX_BYTES, Genotype
from genocc.network import NetworkConfig
from genocc.runs.costs import Costs
from genocc.runs.epochs import number_at
from genocc.runs.images import IMAGES, image_sizes
from genocc.runs.own_files import check_genotype, own_weights
from genocc.runs.reading import (
    CONFIG,
    HISTORY,
    MAX_SEEDS,
    RUN_BEST,
    RUN_GENOTYPE,
    RUN_LAST,
    SEARCH,
    SEARCH_SEEDS,
    TRAIN,
    read_command,
    read_config,
    read_epochs,
    seed_folder,
)


@dataclass(frozen=True)
class SeedRow:
    """One of several searches, and its results so far.

    Attributes:
        name: Of its folder.
        epochs: Number of its epochs that have ended.
        finished: Whether it has its result.
        validation_accuracy: After its last epoch; None before the first.
        child_accuracy: Of the child net after its last epoch; None before the first.
        counts: Of its genotype's target net; None where there is none yet.
        reported: Whether the report is about this one.
    """

    name: str
    epochs: int
    finished: bool
    validation_accuracy: float | None
    child_accuracy: float | None
    counts: Counts | None
    reported: bool


@dataclass(frozen=True)
class RunData:
    """A run as a report shows it.

    Attributes:
        path: The folder that was asked for.
        reported: The folder that the epochs are from: ``path``, or that of the best seed.
        command: ``search`` or ``train``.
        config: Everything needed to repeat the run, as plain data.
        history: One mapping per epoch.
        finished: Whether the run came to its end.
        planned: Number of epochs asked for; None where the configuration does not say.
        genotype: The result, what is trained, or what the last epoch would derive; None before the first epoch.
        counts: Of its target net; None where the skeleton has no place for its cells.
        no_counts: Why there are none.
        seeds: All of several searches; empty for a single run.
    """

    path: Path
    reported: Path
    command: str
    config: dict[str, Any]
    history: list[dict[str, Any]]
    finished: bool
    planned: int | None
    genotype: Genotype | None
    counts: Counts | None
    no_counts: str = ""
    seeds: tuple[SeedRow, ...] = field(default=())

    @classmethod
    def read(cls, path: str | Path) -> RunData:
        """Reads a run folder, finished or not.

        Raises:
            RunError: The folder holds no run, its run has no epoch yet, or a file in it is broken.
            FileError: A file cannot be read.
            GenotypeError: The genotype is not valid.
        """
        folder = Path(path)
        command = read_command(folder)
        if command == SEARCH_SEEDS:
            return _read_seeds(folder)
        if command not in (SEARCH, TRAIN):
            raise RunError(f"{folder / CONFIG}: a run of `genocc {command}`; reports are of `search` and `train`")
        return _read_run(folder, command)

    @property
    def name(self) -> str:
        """Name of the genotype, or of the folder where there is none yet."""
        return self.genotype.name if self.genotype else self.reported.name

    @property
    def undecided(self) -> tuple[str, ...]:
        """What a finished search has left to chance, a sentence each."""
        found = self.history[-1].get("undecided")
        return tuple(str(sentence) for sentence in found) if isinstance(found, list) else ()

    @property
    def seconds(self) -> float | None:
        """Duration of all epochs; None where an epoch does not say."""
        return self.costs.seconds

    @property
    def costs(self) -> Costs:
        """Time, GPU-days, devices and peak memory of all epochs."""
        return Costs.of(self.history)


def _read_run(folder: Path, command: str) -> RunData:
    config, history = read_config(folder, command), read_epochs(folder)
    if not history:
        raise RunError(f"{folder / HISTORY}: no epoch in it yet; report the run once its first epoch is done")
    genotype = _genotype(folder, history)
    counts, reason = _counted(folder, command, config, genotype)
    epochs = number_at(config, "schedule.epochs")
    planned = None if epochs is None else int(epochs)
    result = folder / (RUN_LAST if command == TRAIN else RUN_GENOTYPE)
    finished = result.exists() and len(history) >= (planned or 0)  # a history may have been cut since
    return RunData(folder, folder, command, config, history, finished, planned, genotype, counts, reason)


def _read_seeds(folder: Path) -> RunData:
    """The seed whose genotype is the folder's; before the folder has one, the best seed so far."""
    asked = read_config(folder, SEARCH_SEEDS)
    first, number = number_at(asked, "search.seed"), number_at(asked, "seeds")
    if first is None or number is None:
        raise RunError(f"{folder / CONFIG}: config.seeds and config.search.seed are missing; was it changed?")
    names = [seed_folder(folder, seed) for seed in range(int(first), int(first + min(number, MAX_SEEDS)))]
    runs = [_read_run(name, SEARCH) for name in names if (name / HISTORY).exists() and read_epochs(name)]
    if not runs:
        raise RunError(f"{folder}: none of its {int(number)} searches has an epoch yet; report it later")
    best = _best(folder, runs)
    rows = tuple(
        SeedRow(
            name=run.path.name,
            epochs=len(run.history),
            finished=run.finished,
            validation_accuracy=number_at(run.history[-1], "validation_accuracy"),
            child_accuracy=number_at(run.history[-1], "child_accuracy"),
            counts=run.counts,
            reported=run is best,
        )
        for run in runs
    )
    finished = (folder / RUN_GENOTYPE).exists()
    return RunData(**{**vars(best), "path": folder, "finished": finished, "seeds": rows})


def _best(folder: Path, runs: Sequence[RunData]) -> RunData:
    result = folder / RUN_GENOTYPE
    if result.exists():
        content = read_bytes(result, limit=MAX_BYTES)
        for run in runs:
            own = run.path / RUN_GENOTYPE
            if own.exists() and read_bytes(own, limit=MAX_BYTES) == content:
                return run
        raise RunError(f"{result}: the genotype of none of the seeds; was it changed?")
    return max(runs, key=lambda run: (run.finished, number_at(run.history[-1], "validation_accuracy") or 0.0))


def _genotype(folder: Path, history: Sequence[Mapping[str, Any]]) -> Genotype | None:
    if (folder / RUN_GENOTYPE).exists():
        found = Genotype.load(folder / RUN_GENOTYPE)
        check_genotype(folder, found)
        return found
    if "genotype" not in history[-1]:
        return None
    try:
        return Genotype.from_dict(history[-1]["genotype"])
    except GenoccError as error:
        raise RunError(f"{folder / HISTORY}: line {len(history)}: {error}") from None


def _counted(
    folder: Path, command: str, config: Mapping[str, Any], genotype: Genotype | None
) -> tuple[Counts | None, str]:
    if genotype is None:
        return None, "there is no genotype yet"
    try:
        return count(genotype, _network(folder, command, config, genotype)), ""
    except NetworkError as error:
        return None, str(error)


def _network(folder: Path, command: str, config: Mapping[str, Any], genotype: Genotype) -> NetworkConfig:
    """The net that is trained, or the target net of a search, whose genotypes say on which images it is."""
    if command == TRAIN and (folder / RUN_BEST).exists():
        return own_weights(folder, "")[1].config
    asked = config.get("network" if command == TRAIN else "budget")
    if not isinstance(asked, Mapping):
        raise NetworkError(f"{folder / CONFIG} does not say which net is meant")
    fields = {name: asked.get(name) for name in ("skeleton", "channels", "layers", "stem_stride")}
    if command == SEARCH and IMAGES in genotype.metadata:
        finished = (folder / RUN_GENOTYPE).exists()
        fields |= image_sizes(genotype, str(folder / (RUN_GENOTYPE if finished else HISTORY)))
    return NetworkConfig.make(**fields)
