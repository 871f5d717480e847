"""What a report says of a run, read from its folder: a search, several searches of different seeds, or a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genocc import weights
from genocc.counting import Counts, count
from genocc.errors import GenoccError, NetworkError, RunError
from genocc.files import read_bytes
from genocc.genotype import MAX_BYTES, Genotype
from genocc.network import NetworkConfig
from genocc.provenance import Provenance
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
    """One of several searches: how far it is, and what it came to so far.

    Attributes:
        name: Its folder.
        epochs: Lines of its history.
        finished: Whether it has its result.
        validation_accuracy: After its last epoch; None before the first.
        child_accuracy: The same of the child net.
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
        reported: The folder that the epochs are from: the same, or that of the best seed.
        command: ``search`` or ``train``.
        config: Everything that was asked, as plain data.
        history: A mapping an epoch.
        finished: Whether the run came to its end.
        planned: Epochs that were asked for; None where the configuration does not say.
        genotype: The result, what is trained, or what the last epoch would derive; None before the first epoch.
        counts: Of its target net; None where the skeleton has no place for its cells.
        no_counts: Why there are none.
        seeds: Of several searches, all.
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
            RunError: The folder is no run's, its run has no epoch yet, or a file in it is broken.
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
        """What the page is headed with: the genotype's name."""
        return self.genotype.name if self.genotype else self.reported.name

    @property
    def seconds(self) -> float | None:
        """Of all epochs; None where an epoch does not say."""
        found = [line.get("seconds") for line in self.history]
        numbers = [value for value in found if isinstance(value, (int, float))]
        return float(sum(numbers)) if len(numbers) == len(found) else None


def number_at(line: Mapping[str, Any], place: str) -> float | None:
    """Returns the number at a dotted place of a line; None where there is none."""
    value: Any = line
    for name in place.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _read_run(folder: Path, command: str) -> RunData:
    config, history = read_config(folder, command), read_epochs(folder)
    if not history:
        raise RunError(f"{folder / HISTORY}: no epoch in it yet; report the run once its first epoch is done")
    genotype = _genotype(folder, history)
    counts, reason = _counted(folder, command, config, genotype)
    planned = number_at(config, "schedule.epochs")
    epochs = None if planned is None else int(planned)
    result = folder / (RUN_LAST if command == TRAIN else RUN_GENOTYPE)
    finished = result.exists() and len(history) >= (epochs or 0)  # a history may have been cut since
    return RunData(folder, folder, command, config, history, finished, epochs, genotype, counts, reason)


def _read_seeds(folder: Path) -> RunData:
    """The seed whose genotype is the folder's; before there is one, the seed that is ahead so far."""
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
        return Genotype.load(folder / RUN_GENOTYPE)
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
    """The net that is trained, or a search's target net; sizes of the images where the run has noted them."""
    if command == TRAIN and (folder / RUN_BEST).exists():
        return Provenance.from_metadata(weights.metadata(folder / RUN_BEST), str(folder / RUN_BEST)).config
    asked = config.get("network" if command == TRAIN else "budget")
    if not isinstance(asked, Mapping):
        raise NetworkError(f"{folder / CONFIG} does not say which net is meant")
    fields = {name: asked.get(name) for name in ("skeleton", "channels", "layers", "stem_stride")}
    images: Any = genotype.metadata.get("images") if command == SEARCH else None
    if isinstance(images, Mapping):
        sizes = {"classes": "classes", "input_channels": "channels", "input_size": "size"}
        fields |= {name: images.get(noted) for name, noted in sizes.items()}
    return NetworkConfig.make(**fields)
