"""Parts of a ranking: a few trainings each, in one process, which loads PyTorch and the images once for all of them.

::

    runs/a/
      config.json  history.jsonl  ranking.json
      parts/normal-0/  parts/normal-1/  parts/both-0/  ...   each with a config.json and a history.jsonl of its own
      parts/normal-0.log                                     what it has printed

A part is a job of an engine, ``genocc rank-topologies --out runs/a/parts/normal-0 --resume``: its run folder has the
configuration before the job begins, and gets a line of history per training, so no more than one is lost by a kill.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from math import ceil
from pathlib import Path
from typing import Any, TypeVar

import torch

from genocc.data import DataSet
from genocc.engines.base import Job
from genocc.engines.child import GRACE
from genocc.errors import GenoccError, RunError
from genocc.runs.epochs import number_at
from genocc.runs.folder import RunFolder, open_run, wait_until_free
from genocc.runs.interruption import interruptions
from genocc.runs.loop import choose_device
from genocc.runs.progress import Progress
from genocc.runs.reading import CONFIG, HISTORY, KNOWN_DATA, RUN_PARTS, read_command, read_config, read_history
from genocc.training.training import fit

from .config import RankingConfig, load_parts
from .topologies import PHASES, Phase, Topology, genotype_of, name_of, topologies

RANK_TOPOLOGIES = "rank-topologies"
RANK_PART = "rank-topologies (a part)"
"""Name of a part in its config.json."""
MOST = 20
"""Trainings of a part, as long as each process has one: loading PyTorch and the images takes seconds."""

T = TypeVar("T")
Accuracies = dict[tuple[Phase, str], float]
"""By phase and name of the topology."""


@dataclass(frozen=True)
class Part:
    """Some trainings of a ranking.

    Attributes:
        folder: Its run folder.
        ranking: What it is a part of.
        phase: Which cells the topologies are tried in.
        topologies: Which.
    """

    folder: Path
    ranking: RankingConfig
    phase: Phase
    topologies: tuple[Topology, ...]

    @classmethod
    def read(cls, folder: Path, ranking: RankingConfig | None = None) -> Part:
        """Reads a part that has begun; raises RunError.

        Args:
            folder: Its run folder.
            ranking: What it is a part of, if that is known: its data may have moved.
        """
        found = read_config(folder, RANK_PART)
        try:
            topologies = tuple(tuple(tuple(map(int, node)) for node in one) for one in found["topologies"])
            phase = PHASES[PHASES.index(found["phase"])]
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(
                f"{folder / CONFIG}: not the configuration of a part: {type(error).__name__}: {error}"
            ) from None
        its = ranking or RankingConfig.from_dict(found.get("ranking", {}), where=str(folder))
        return cls(folder, its, phase, topologies)

    def config(self) -> dict[str, Any]:
        """Returns its configuration, plain."""
        topologies = [[list(sources) for sources in one] for one in self.topologies]
        return {"phase": self.phase, "topologies": topologies, "ranking": self.ranking.model_dump(mode="json")}

    def begin(self, data: DataSet) -> None:
        """Writes its configuration, anew where the place of the data is another, once an earlier process is gone."""
        begun = (self.folder / CONFIG).exists()
        if begun and read_config(self.folder, RANK_PART) == self.config():
            return  # it may run: Slurm keeps jobs whose driver is gone
        wait_until_free(self.folder, GRACE + 5)
        with open_run(self.folder, RANK_PART, self.config(), resume=begun, result=HISTORY) as run:
            run.note_data(data.identity())
            run.begin()

    def job(self, device: str) -> Job:
        """Returns what an engine runs."""
        line = (RANK_TOPOLOGIES, "--out", str(self.folder), "--device", device)
        return Job(self.folder.name, line, self.folder)


def is_part(folder: Path) -> bool:
    """Whether a folder is that of a part."""
    return (folder / CONFIG).exists() and read_command(folder) == RANK_PART


def part_folders(ranking: Path, phase: Phase) -> list[Path]:
    """Returns the folders of the parts of a phase that have begun, in order; of a ranking's run folder."""
    begun = (path for path in (ranking / RUN_PARTS).glob(f"{phase}-*") if (path / CONFIG).exists())
    return sorted(begun, key=lambda path: int(path.name.rpartition("-")[2]))


def divided(tasks: Sequence[T], width: int | None) -> list[Sequence[T]]:
    """Returns tasks in parts of about the same size.

    Args:
        tasks: In order.
        width: How many parts run at a time; where that is not known, each task is a part.
    """
    count = len(tasks)
    if width is not None:
        count = min(count, width * ceil(count / (width * MOST)))
    return [tasks[number * len(tasks) // count : (number + 1) * len(tasks) // count] for number in range(count)]


def digest(ranking: RankingConfig, run: RunFolder) -> str:
    """Returns a digest of the settings and images of a ranking, which its parts share, wherever the images lie."""
    config = ranking.model_dump(mode="json")
    config["training"]["data"] |= {"folder": None, "download": None}
    settings = {**config, KNOWN_DATA: run.content.get(KNOWN_DATA)}
    return sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def read_accuracies(folder: Path, expected: str) -> Accuracies:
    """Returns the accuracies in the history of a ranking or of a part.

    Args:
        folder: Its run folder.
        expected: The `digest` of the ranking.

    Raises:
        RunError: A line is not a training of this ranking.
    """
    names, found = {name_of(topology) for topology in topologies()}, Accuracies()
    for number, line in enumerate(read_history(folder), start=1):
        accuracy, where = number_at(line, "accuracy"), f"{folder / HISTORY}: line {number}"
        named = line.get("phase") in PHASES and line.get("name") in names
        if not named or accuracy is None or not 0 <= accuracy <= 1:
            raise RunError(f"{where}: expected phase, name and accuracy of a topology; was the file changed?")
        if line.get("run", expected) != expected:  # older versions did not say it
            raise RunError(
                f"{where}: is of a ranking with other settings or images; put the ranking's own files back, or start "
                "a new one"
            )
        found[line["phase"], line["name"]] = accuracy
    return found


def line_of(phase: Phase, name: str, accuracy: float, run: str) -> dict[str, Any]:
    """Returns a line of a history, as `read_accuracies` reads it; ``run`` is the `digest`."""
    return {"phase": phase, "name": name, "accuracy": accuracy, "run": run}


def run_part(folder: Path, *, device: str = "cpu", progress: Progress | None = None) -> None:
    """Trains the topologies of a part that its history lacks, on one thread.

    Raises:
        GenoccError: The images cannot be used, or, after all others have ended, a training has failed.
        KeyboardInterrupt: Ctrl-C or SIGTERM; what is done is in the history.
    """
    progress = progress or Progress()
    part = Part.read(folder)
    found = choose_device(device).type
    with interruptions(), open_run(folder, RANK_PART, part.config(), resume=True, result=HISTORY) as run, _one_thread():
        data = load_parts(part.ranking, resume=True)
        run.note_data(data.identity())
        its = digest(part.ranking, run)
        done = read_accuracies(folder, its)
        run.truncate(len(read_history(folder)))  # which drops half a line
        training, failed = part.ranking.of_each(), []
        for topology in part.topologies:
            name = name_of(topology)
            if (part.phase, name) in done:
                continue
            try:
                accuracy = fit(genotype_of(topology, part.phase), training, data=data, device=found).top1
            except GenoccError as error:
                failed.append(str(error))
                continue
            run.append(line_of(part.phase, name, accuracy, its))
            progress.epoch(f"{part.phase:6}  {name}  accuracy {accuracy:.4f}")
    if failed:
        others = f" (and {len(failed) - 1} more of {len(part.topologies)})" if len(failed) > 1 else ""
        raise RunError(f"{failed[0]}{others}")


@contextmanager
def _one_thread() -> Iterator[None]:
    """A training is the same to the bit on the same number of threads, and processes share the cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
