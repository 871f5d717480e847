"""From an experiment at a scale to its jobs: genocc commands with a run folder each, some of which wait for another.

::

    runs/e1/
      config.json  experiment.toml  history.jsonl  log.txt
      runs/ROW/seed-0/search/          a run folder of `genocc search`
      runs/ROW/seed-0/train/           of `genocc train` with what that found
      runs/ROW/seed-0/train-7/         with what it would have derived after epoch 7 (``train.at``)
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal, TypeVar

from genocc.errors import ConfigError, did_you_mean
from genocc.experiments.model import MAX_RUNS, Experiment, Row, Scale, SearchRuns, TrainRuns
from genocc.runs.reading import RUN_GENOTYPE, RUN_LAST

Kind = Literal["search", "train"]
R = TypeVar("R", SearchRuns, TrainRuns)


@dataclass(frozen=True)
class Step:
    """A search or a training.

    Attributes:
        name: Row, seed and kind, which is its folder's place too: ``first/seed-0/search``.
        kind: Of command.
        arguments: Of `genocc`.
        folder: Its run folder.
        after: Name of the search whose result it trains; None where it can begin at once.
    """

    name: str
    kind: Kind
    arguments: tuple[str, ...]
    folder: Path
    after: str | None = None

    @property
    def done(self) -> bool:
        """Whether its run has come to its end."""
        return (self.folder / (RUN_GENOTYPE if self.kind == "search" else RUN_LAST)).exists()


@dataclass(frozen=True)
class Point:
    """What a seed of a row comes to: a search, the training of a genotype, or both.

    Attributes:
        seed: Of both.
        search: The search; None for a given genotype.
        epoch: The epoch of the search whose cells are trained; None for its result.
        training: The training, if anything is trained.
    """

    seed: int
    search: Step | None
    epoch: int | None
    training: Step | None


@dataclass(frozen=True)
class RowPlan:
    """A row with its settings at a scale.

    Attributes:
        row: Its name, and the paper's figures.
        seeds: One after the other.
        search: How it searches; None where the genotype is given.
        train: How it trains; None where nothing is trained.
        points: One per seed, or one per trained epoch of each.
    """

    row: Row
    seeds: tuple[int, ...]
    search: SearchRuns | None
    train: TrainRuns | None
    points: tuple[Point, ...]

    def settings(self) -> dict[str, Any]:
        """Returns what decides its jobs, as plain data."""
        return {
            "genotype": self.row.genotype,
            "seeds": list(self.seeds),
            "search": None if self.search is None else _plain(self.search),
            "train": None if self.train is None else _plain(self.train),
        }


@dataclass(frozen=True)
class Plan:
    """All jobs of an experiment at a scale.

    Attributes:
        experiment: What the file says.
        scale: Name of the scale.
        data: The images of all jobs, where they are others than the file's.
        rows: In the order of the table.
    """

    experiment: Experiment
    scale: str
    data: str | None
    rows: tuple[RowPlan, ...]

    @property
    def steps(self) -> list[Step]:
        """The jobs; one that waits stands behind the one that it waits for.

        The first seed of all rows comes before the second of any, so that an early end leaves a table of few seeds.
        """
        points = [(row.seeds.index(point.seed), point) for row in self.rows for point in row.points]
        points.sort(key=lambda one: one[0])
        found = {step.name: step for _, p in points for step in (p.search, p.training) if step}
        return list(found.values())

    def settings(self) -> dict[str, Any]:
        """Returns what decides the jobs, as plain data."""
        rows = {row.row.name: row.settings() for row in self.rows}
        return {"scale": self.scale, "data": {"folder": self.data}, "rows": rows}


def plan(experiment: Experiment, scale: str, out: Path, data: str | None = None) -> Plan:
    """Returns the jobs of an experiment.

    Args:
        experiment: What its file says.
        scale: Name of one of its scales.
        out: The experiment's folder.
        data: Images for all jobs, as ``--data`` takes them; None: those that the file names.

    Raises:
        ConfigError: There is no such scale, a row has nothing to do at it, or there are too many jobs.
    """
    if scale not in experiment.scales:
        raise ConfigError(f"--scale {scale}: {did_you_mean(scale, experiment.scales)}")
    folders = _folders([row.name for row in experiment.rows])
    rows = []
    for row, folder in zip(experiment.rows, folders, strict=True):
        seeds, search, train = _of_row(experiment, row, scale)
        where = f"row '{row.name}', scale {scale}"
        if search is not None and search.method is None:
            raise ConfigError(f"{where}: search.method is missing; name one, or give the row a genotype")
        if search is None and train is None:
            raise ConfigError(f"{where}: a genotype that nothing trains; say how with [train]")
        if train is not None and train.at is not None and (search is None or search.epochs is None):
            raise ConfigError(f"{where}: train.at chooses among the epochs of a search; say how many: search.epochs")
        if train is not None and train.at and search and train.at > (search.epochs or 0):
            raise ConfigError(f"{where}: train.at={train.at} of {search.epochs} epochs; choose fewer")
        runs = _Runs(out.absolute() / "runs", data)
        points = [point for seed in seeds for point in runs.points(row, folder, seed, search, train)]
        rows.append(RowPlan(row, seeds, search, train, tuple(points)))
    found = Plan(experiment, scale, data, tuple(rows))
    if len(found.steps) > MAX_RUNS:
        raise ConfigError(f"{len(found.steps):,} searches and trainings; expected at most {MAX_RUNS:,}")
    return found


def _of_row(
    experiment: Experiment, row: Row, scale: str
) -> tuple[tuple[int, ...], SearchRuns | None, TrainRuns | None]:
    """Seeds and settings of a row; the later of these wins: the experiment's, its scale's, the row's, its scale's."""
    shared, own = experiment.scales[scale], row.scale.get(scale, Scale())
    seeds = own.seeds or row.seeds or shared.seeds or experiment.seeds
    search = None
    if row.genotype is None:
        search = _merged(SearchRuns, experiment.search, shared.search, row.search, own.search)
    trains = [runs for runs in (experiment.train, shared.train, row.train, own.train) if runs is not None]
    return seeds, search, _merged(TrainRuns, *trains) if trains else None


def _merged(kind: type[R], *layers: R) -> R:
    fields: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    for layer in layers:
        fields |= layer.model_dump(exclude_unset=True, exclude={"settings"})
        for name, value in layer.settings.items():
            settings.pop(name, None)  # so that it comes last, after a class that another setting chooses
            settings[name] = value
    return kind.model_validate({**fields, "settings": settings})


@dataclass(frozen=True)
class _Runs:
    """Makes jobs: the folder of all runs, and the images that replace those of the file."""

    folder: Path
    data: str | None

    def points(
        self, row: Row, place: str, seed: int, search: SearchRuns | None, train: TrainRuns | None
    ) -> list[Point]:
        found = None
        source = row.genotype
        if search is not None:
            name = f"{place}/seed-{seed}/search"
            found = Step(name, "search", self._search(search, seed, name), self.folder / name)
            source = str(found.folder)
        if train is None:
            return [Point(seed, found, None, None)]
        epochs: list[int | None] = [None]
        if train.at is not None and search is not None:
            epochs = [*sorted(random.Random(seed).sample(range(1, (search.epochs or 0) + 1), train.at))]  # noqa: S311
        points = []
        for epoch in epochs:
            name = f"{place}/seed-{seed}/train" + ("" if epoch is None else f"-{epoch}")
            genotype = f"{source}" if epoch is None else f"{source}@{epoch}"
            arguments = self._train(genotype, train, seed, name)
            step = Step(name, "train", arguments, self.folder / name, None if found is None else found.name)
            points.append(Point(seed, found, epoch, step))
        return points

    def _search(self, runs: SearchRuns, seed: int, name: str) -> tuple[str, ...]:
        given = {"method": runs.method, "preset": runs.preset, "data": self.data or runs.data, "epochs": runs.epochs}
        return ("search", *self._options(given, seed, name), *overrides(runs.settings, "--set"))

    def _train(self, genotype: str, runs: TrainRuns, seed: int, name: str) -> tuple[str, ...]:
        given = {"preset": runs.preset, "data": self.data or runs.data, "epochs": runs.epochs}
        options = self._options({**given, "validation": runs.validation}, seed, name)
        return ("train", genotype, *options, *overrides(runs.settings, "--set"))

    def _options(self, given: Mapping[str, Any], seed: int, name: str) -> list[str]:
        everything = {**given, "seed": seed, "out": self.folder / name}
        found = everything.items()
        return [word for option, value in found if value is not None for word in (f"--{option}", _text(value))]


def overrides(settings: Mapping[str, Any], option: str | None = None) -> list[str]:
    """Returns settings as texts ``part.field=value``, each behind an option where one is named."""
    texts = [f"{name}={_text(value)}" for name, value in settings.items()]
    return texts if option is None else [word for text in texts for word in (option, text)]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, Path) else json.dumps(value)


def _plain(runs: SearchRuns | TrainRuns) -> dict[str, Any]:
    """Returns the settings of runs as plain data."""
    return runs.model_dump(mode="json", exclude_none=True, by_alias=True)


def _folders(names: list[str]) -> list[str]:
    """A folder's name for each row: its words; a number behind those that others have too.

    In the order of the names: a file whose rows change places keeps the folders of its rows.
    """
    found: dict[str, str] = {}
    for name in sorted(names):
        words = "-".join(re.findall(r"[a-z0-9]+", name.lower())) or "row"
        numbered = (words if number == 1 else f"{words}-{number}" for number in count(1))
        found[name] = next(folder for folder in numbered if folder not in found.values())
    return [found[name] for name in names]
