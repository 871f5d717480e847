"""`genocc rank-topologies`: eDARTS' ranking in two phases, with one training of a small net per topology.

First every topology is tried in the normal cell alone, then the best of them in both cells (III-B, IV-D). The paper
ranks by test accuracy; here held-out training images decide, so that a search along the best topology has not seen
test images.

A training depends on its topology and the seed, not on the process or the order, so any number of processes finds the
same. Isomorphic topologies are all trained: their initial values and the order of their sums differ, so the spread of
their accuracies is due to chance.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from genocc.configuration import Configuration, ImageCount, refuse
from genocc.data import DataSet
from genocc.data.settings import data_fields, default_preset, load_data
from genocc.errors import ConfigError, GenoccError, RunError, quoted
from genocc.files import read_text
from genocc.runs.epochs import number_at
from genocc.runs.folder import RunFolder, open_run
from genocc.runs.interruption import interruptions
from genocc.runs.loop import choose_device
from genocc.runs.progress import Progress
from genocc.runs.reading import HISTORY, KNOWN_DATA, RUN_RANKING, read_config, read_history
from genocc.runs.settings_file import beside, name_in, named, read_settings
from genocc.runs.starting import given, new_or_resumed, run_path, with_settings
from genocc.training.config import TrainConfig
from genocc.training.trainer import training_parts
from genocc.training.training import fit
from genocc.version import __version__

from .topologies import PHASES, Phase, Topology, genotype_of, name_of, sampled, topologies
from .workers import work

RANK_TOPOLOGIES = "rank-topologies"
MAX_BYTES = 1 << 24


class RankingConfig(Configuration):
    """Everything needed to repeat a ranking.

    Attributes:
        sample: How many of the 180 topologies, chosen at random; None: all.
        top: How many of the first phase enter the second (eDARTS IV-D: 20).
        validation: Training images that accuracies are measured on instead of training: a share up to 1, or a number.
        training: How each net is trained, on the other images; eDARTS' is the preset ``shallow``.
    """

    what: ClassVar[str] = "ranking configuration"
    chosen: ClassVar[tuple[str, ...]] = ("sample", "top", "validation")

    sample: int | None = Field(default=None, ge=2, le=len(topologies()))
    top: int = Field(default=20, ge=1)
    validation: ImageCount = 0.2
    training: TrainConfig

    @model_validator(mode="after")
    def _one_validation(self) -> Self:
        if self.training.data.validation is not None:
            refuse("data.validation: a ranking measures all its trainings on the images of --validation; leave it out")
        return self


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


def rank_topologies(
    out: str | Path | None = None,
    *,
    data: str | None = None,
    preset: str | None = None,
    seed: int | None = None,
    epochs: int | None = None,
    config: str | Path | None = None,
    overrides: Iterable[str] = (),
    size: int | str | tuple[int, int] | None = None,
    download: bool | None = None,
    sample: int | None = None,
    top: int | None = None,
    validation: float | None = None,
    workers: int | None = None,
    device: str = "cpu",
    resume: bool = False,
    progress: Progress | None = None,
) -> Ranking:
    """Ranks cell topologies by training a net for each; defaults are the command's.

    Args:
        out: The run folder; a new one below ``runs`` where not given.
        data: As for `genocc.train` [digits].
        preset: Of the trainings, as for `genocc.train` [quick on built-in data, shallow on others].
        seed: Of the sample and of every training [0].
        epochs: Of each training, instead of the preset's.
        config: A file with settings, JSON or TOML, such as another ranking's config.json; what is given beside it wins.
        overrides: Texts ``part.field=value``: any setting of the trainings.
        size: Height and width of the images: (64, 300), 64x300, or one number for both.
        download: Whether a missing data set may be fetched.
        sample: How many topologies, chosen at random [all 180].
        top: How many enter the second phase [20].
        validation: Training images that accuracies are measured on: a share up to 1, or a number [0.2].
        workers: Processes of one thread [one per core; one on a GPU, which they would share].
        device: Where nets are trained: ``cpu``, ``cuda``, or ``auto``: a GPU where there is one.
        resume: Go on with the ranking in ``out``; other settings need not be given, and may not differ, but for the
            place of the same ``data``.
        progress: Where progress is shown.

    Raises:
        GenoccError: The request, the images or the folder cannot be used, or a training has diverged.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the ranking can be resumed.
    """
    overrides = list(overrides)
    images = given(**data_fields(data), size=size, download=download)
    fields = given(seed=seed, data=images, schedule=given(epochs=epochs))
    chosen = given(sample=sample, top=top, validation=validation)
    if config is not None:
        settings, _ = read_settings(config, RANK_TOPOLOGIES)
        training = settings.pop("training", {})
        if not isinstance(training, dict):
            raise ConfigError(f"{config}: training: found {quoted(training)}; expected settings by part")
        preset = name_in(training, "preset", preset, config)
        with named(config):
            RankingConfig.from_dict({**settings, "training": TrainConfig.make(preset or "quick", **training)})
        chosen, fields = {**settings, **chosen}, beside(training, fields)
    if workers is not None and workers < 1:
        raise RunError(f"--jobs {workers}: expected at least 1")
    found = choose_device(device).type
    workers = workers or (1 if found == "cuda" else os.cpu_count() or 1)

    def new() -> RankingConfig:
        default = default_preset(fields.get("data", {}), "shallow")
        return RankingConfig.from_dict({"training": TrainConfig.make(preset or default, overrides, **fields), **chosen})

    def own(folder: Path) -> RankingConfig:
        its = RankingConfig.from_dict(read_config(folder, RANK_TOPOLOGIES), where=str(folder))
        training = with_settings(its.training, overrides, given(preset=preset, **fields), folder)
        return with_settings(its, (), {**chosen, "training": training.model_dump(mode="json")}, folder)

    settled = bool(preset or overrides or fields or chosen)
    ranking = new_or_resumed(out, resume=resume, settings=settled, new=new, own=own, kind="ranking")
    folder = run_path(out, f"topologies-{ranking.training.data.name}")
    return run_ranking(ranking, folder, workers=workers, device=found, resume=resume, progress=progress)


def run_ranking(
    config: RankingConfig,
    out: Path,
    *,
    workers: int,
    device: str = "cpu",
    resume: bool = False,
    progress: Progress | None = None,
) -> Ranking:
    """Ranks topologies in a run folder; arguments and errors as those of `rank_topologies`."""
    plain = config.model_dump(mode="json")
    with interruptions(), open_run(out, RANK_TOPOLOGIES, plain, resume=resume, result=RUN_RANKING) as run:
        if not run.finished:
            data = load_parts(config, resume=resume)  # errors of the images come before there is a run
            if data.note and progress:
                progress.message(data.note)
            run.note_data(data.identity())
            run.begin()
            ranked = _finished(_Ranking(config, run, workers, device, progress or Progress()))
            result = Ranking(plain, tuple(ranked), run.result_path)
            run.finish(json.dumps(result.to_dict(), indent=1) + "\n")
        return read_ranking(run.result_path)


def _finished(ranking: _Ranking) -> list[RankedTopology]:
    folder = ranking.folder
    try:
        return ranking.run()
    except GenoccError:
        if not read_history(folder.path):  # a wrong request shows in the first training
            folder.withdraw()
        raise
    except KeyboardInterrupt:
        ranking.progress.message(f"stopped; go on with: genocc {RANK_TOPOLOGIES} --out {folder.path} --resume")
        raise


class _Ranking:
    def __init__(self, config: RankingConfig, folder: RunFolder, workers: int, device: str, progress: Progress) -> None:
        self.config, self.folder, self.workers, self.device, self.progress = config, folder, workers, device, progress
        history = read_history(folder.path)
        folder.truncate(len(history))  # which drops half a line
        self.run_digest = _digest(folder)
        self.found = dict(self._known(number, line) for number, line in enumerate(history, start=1))

    def _known(self, number: int, line: Mapping[str, Any]) -> tuple[tuple[Any, Any], float]:
        """(phase, name) and accuracy of a line of the history; raises RunError where it is not this ranking's."""
        accuracy, where = number_at(line, "accuracy"), f"{self.folder.path / HISTORY}: line {number}"
        named = line.get("phase") in PHASES and line.get("name") in [*map(name_of, topologies())]
        if not named or accuracy is None or not 0 <= accuracy <= 1:
            raise RunError(f"{where}: expected phase, name and accuracy of a topology; was the file changed?")
        if line.get("run", self.run_digest) != self.run_digest:  # older versions did not say it
            raise RunError(
                f"{where}: is of a ranking with other settings or images; put the ranking's own files back, or start "
                "a new one"
            )
        return (line["phase"], line["name"]), accuracy

    def run(self) -> list[RankedTopology]:
        """Takes both phases, without the trainings that the history has already."""
        candidates = sampled(self.config.sample, self.config.training.seed)
        top = min(self.config.top, len(candidates))
        where = f"{self.workers} processes, {self.device}"
        title = f"{len(candidates)} topologies in normal cells, the best {top} in both; {where}"
        with self.progress.running(title, len(candidates) + top, len(self.found)):
            first = self._phase("normal", candidates)
            ranked = [RankedTopology(topology, first[name_of(topology)]) for topology in candidates]
            ranked.sort(key=lambda one: (-one.accuracy_normal, one.name))
            second = self._phase("both", [one.topology for one in ranked[:top]])
        both = [replace(one, accuracy_both=second[one.name]) for one in ranked[:top]]
        both.sort(key=lambda one: (-(one.accuracy_both or 0.0), -one.accuracy_normal, one.name))
        return both + ranked[top:]

    def _phase(self, phase: Phase, candidates: list[Topology]) -> dict[str, float]:
        missing = [(phase, topology) for topology in candidates if (phase, name_of(topology)) not in self.found]
        for topology, accuracy in self._trained(missing):
            name = name_of(topology)
            self.folder.append({"phase": phase, "name": name, "accuracy": accuracy, "run": self.run_digest})
            self.found[phase, name] = accuracy
            done = len(self.found)
            self.progress.step(f"{PHASES.index(phase) + 1}/{len(PHASES)}", f"{name} {accuracy:.2%}", done)
            self.progress.epoch(f"{done:>3}  {phase:6}  {name}  accuracy {accuracy:.4f}")
        return {name: accuracy for (which, name), accuracy in self.found.items() if which == phase}

    def _trained(self, tasks: list[tuple[Phase, Topology]]) -> Iterator[tuple[Topology, float]]:
        if not tasks:
            return iter(())
        return work(
            _train, tasks, min(self.workers, len(tasks)), _prepare, self.config.model_dump(mode="json"), self.device
        )


def _digest(run: RunFolder) -> str:
    """A digest of settings and images of a ranking, wherever these lie."""
    config = run.content["config"]
    training = {**config["training"], "data": {**config["training"]["data"], "folder": None, "download": None}}
    settings = {**config, "training": training, KNOWN_DATA: run.content.get(KNOWN_DATA)}
    return sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def load_parts(config: RankingConfig, *, resume: bool = False) -> DataSet:
    """Returns the data set with two disjoint parts of its training images: ``train``, and ``test`` to rank by.

    They are those of a training with this ``data.training`` and ``data.validation``; nets train on all of ``train``.

    Args:
        config: Which, and how it is divided.
        resume: As in `load_data`.

    Raises:
        DataError: The images cannot be used, or there are too few.
    """
    wanted = config.training.data
    data = load_data(wanted, resume=resume)
    divided = wanted.model_copy(update={"validation": config.validation})
    training, held_out = training_parts(data, divided)
    assert held_out is not None, "config.validation is a number"
    return replace(data, train=training, test=held_out)


_PREPARED: tuple[TrainConfig, DataSet, str] | None = None
"""Of a worker process: loaded once, used by all its trainings."""


def _prepare(plain: dict[str, Any], device: str) -> None:
    global _PREPARED
    config = RankingConfig.model_validate(plain)
    whole = config.training.data.model_copy(update={"training": 1.0})  # of what `load_parts` has divided
    _PREPARED = config.training.model_copy(update={"data": whole}), load_parts(config), device


def _train(task: tuple[Phase, Topology]) -> tuple[Topology, float]:
    assert _PREPARED is not None
    phase, topology = task
    training, data, device = _PREPARED
    return topology, fit(genotype_of(topology, phase), training, data=data, device=device).top1
