"""The two phases of a ranking, each as jobs of an engine (`part`); the history gets a line as each training is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from threading import Event, Lock, Thread
from typing import NoReturn

from genocc.data import DataSet
from genocc.engines.base import Engine
from genocc.errors import GenoccError, RunError
from genocc.runs.folder import RunFolder
from genocc.runs.progress import Progress
from genocc.runs.reading import RUN_PARTS, read_history

from .config import RankingConfig
from .part import RANK_TOPOLOGIES, Part, digest, divided, line_of, part_folders, read_accuracies
from .result import RankedTopology
from .topologies import PHASES, Phase, Topology, name_of, sampled

EVERY = 0.5
"""Seconds between two looks at what parts have found."""


class Phases:
    """The trainings of a ranking, in two phases.

    Args:
        config: Which.
        folder: The run folder, which has begun.
        data: From `load_parts`.
        engine: What runs the parts of each phase.
        device: Of the trainings.
        progress: Where progress is shown.
    """

    def __init__(
        self, config: RankingConfig, folder: RunFolder, data: DataSet, engine: Engine, device: str, progress: Progress
    ) -> None:
        self.config, self.folder, self.data = config, folder, data
        self.engine, self.device, self.progress = engine, device, progress
        self.digest = digest(config, folder)
        self.found = read_accuracies(folder.path, self.digest)
        folder.truncate(len(read_history(folder.path)))  # which drops half a line
        self._taking = Lock()

    def run(self) -> list[RankedTopology]:
        """Takes both phases, without the trainings that the history has already."""
        candidates = sampled(self.config.sample, self.config.training.seed)
        top = min(self.config.top, len(candidates))
        where = f"engine {self.engine.name}, {self.device}; logs in {self.folder.path / RUN_PARTS}"
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
        parts = [Part.read(folder, self.config) for folder in part_folders(self.folder.path, phase)]
        self._take(parts)  # of an earlier program that was killed
        parts += self._new_parts(phase, candidates, parts)
        waiting = [part for part in parts if self._missing(phase, part.topologies)]
        for part in waiting:
            part.begin(self.data)
        failed = []
        jobs = [part.job(self.device) for part in waiting]
        with closing(self.engine.run(jobs)) as outcomes, repeated(EVERY, lambda: self._take(waiting)):
            for outcome in outcomes:
                self._take(waiting)
                if not outcome.ok:
                    failed.append(outcome.message)
        if missing := self._missing(phase, candidates):
            self._give_up(len(missing), len(candidates), failed)
        return {name: accuracy for (which, name), accuracy in self.found.items() if which == phase}

    def _missing(self, phase: Phase, topologies: Iterable[Topology]) -> list[Topology]:
        return [topology for topology in topologies if (phase, name_of(topology)) not in self.found]

    def _new_parts(self, phase: Phase, candidates: Iterable[Topology], begun: list[Part]) -> list[Part]:
        """Parts of what neither the history nor a part that has begun has."""
        taken = {topology for part in begun for topology in part.topologies}
        rest = [topology for topology in self._missing(phase, candidates) if topology not in taken]
        first = len(begun)
        return [
            Part(self.folder.path / RUN_PARTS / f"{phase}-{first + number}", self.config, phase, tuple(topologies))
            for number, topologies in enumerate(divided(rest, self.engine.width))
        ]

    def _take(self, parts: Iterable[Part]) -> None:
        """Puts into the history what parts have found."""
        with self._taking:
            for part in parts:
                for (phase, name), accuracy in read_accuracies(part.folder, self.digest).items():
                    if (phase, name) not in self.found:
                        self.folder.append(line_of(phase, name, accuracy, self.digest))
                        self.found[phase, name] = accuracy
                        self._show(phase, name, accuracy)

    def _show(self, phase: Phase, name: str, accuracy: float) -> None:
        done = len(self.found)
        self.progress.step(f"{PHASES.index(phase) + 1}/{len(PHASES)}", f"{name} {accuracy:.2%}", done)
        self.progress.epoch(f"{done:>3}  {phase:6}  {name}  accuracy {accuracy:.4f}")

    def _give_up(self, missing: int, count: int, failed: list[str]) -> NoReturn:
        reason = failed[0] if failed else "its jobs ended without a result"
        if not self.found:
            raise RunError(reason)
        path = self.folder.path
        raise RunError(
            f"{path}: {missing} of {count} trainings failed: {reason}; go on with: genocc {RANK_TOPOLOGIES} --out "
            f"{path} --resume"
        )


@contextmanager
def repeated(seconds: float, call: Callable[[], None]) -> Iterator[None]:
    """Calls a function again and again within the context, in another thread, until it raises GenoccError."""
    ended = Event()

    def repeat() -> None:
        with suppress(GenoccError):  # which the next call, in the context's own thread, raises too
            while not ended.wait(seconds):
                call()

    thread = Thread(target=repeat, daemon=True, name="genocc-ranking")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
