"""Several runs that differ in their seed, in one folder: one after another in this process, or as jobs of an engine.

::

    runs/a/
      config.json  log.txt             and a result of them all
      seed-0/  seed-1/  ...            one run folder per seed
      seed-0.log  seed-1.log  ...      of an engine: what each has printed

A job's run folder has its configuration before it begins, so its command is no more than ``search --out RUN/seed-0
--resume``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from genocc.engines.base import Engine, Job, Outcome
from genocc.engines.child import GRACE
from genocc.errors import ConfigError, GenoccError, RunError, quoted
from genocc.runs.folder import RunFolder, open_run, wait_until_free
from genocc.runs.interruption import interruptions
from genocc.runs.progress import Progress
from genocc.runs.reading import CONFIG, read_config, read_history, seed_folder


class Data(Protocol):
    """A data set.

    Attributes:
        note: What is said about its images, once.
    """

    @property
    def note(self) -> str: ...

    def identity(self) -> Mapping[str, Any]:
        """Returns what a run notes of its data."""


D = TypeVar("D", bound=Data)
R = TypeVar("R")


@dataclass(frozen=True)
class SeedRuns(Generic[D, R]):
    """Runs of a command that differ in their seed.

    Attributes:
        command: Of one run, such as ``search``.
        several: Of the folder of them all, such as ``search --seeds``.
        seeds: The seeds.
        config: Of the folder of them all, plain.
        config_of: Seed -> configuration of its run, plain.
        finished: Name of the file that a finished run has.
        result: The same of the folder of them all.
        load: Loads the data.
        run: (seed, folder, whether it has begun, data) -> result; runs one in this process, or only reads it.
        read: Reads the result of a finished one.
        summary: Results -> content of the result of them all, and a line for its log.
        today: As for `genocc.runs.folder.open_run`.
        today_of_one: The same for one run.
        track: Names of the trackers of each run.
    """

    command: str
    several: str
    seeds: range
    config: Mapping[str, Any]
    config_of: Callable[[int], Mapping[str, Any]]
    finished: str
    result: str
    load: Callable[[], D]
    run: Callable[[int, Path, bool, D | None], R]
    read: Callable[[Path], R]
    summary: Callable[[list[R]], tuple[str, str]]
    today: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict
    today_of_one: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict
    track: tuple[str, ...] = ()


def run_all(
    runs: SeedRuns[D, R],
    out: str | Path,
    *,
    resume: bool = False,
    engine: Engine | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> list[R]:
    """Runs what is missing of several runs, and returns the results of all in the order of their seeds.

    Args:
        runs: Which.
        out: The folder of them all.
        resume: Whether to go on with what is in it; what is finished is only read.
        engine: What runs them; None: this process, one after another.
        device: Of each run, if an engine runs it.
        progress: Where progress is shown.

    Raises:
        GenoccError: The folder or the data cannot be used, or a run has failed, after all others have ended.
        KeyboardInterrupt: Ctrl-C or SIGTERM; all can be resumed.
    """
    _check_engine(engine)
    with open_run(out, runs.several, runs.config, resume=resume, result=runs.result, today=runs.today) as run:
        data = None
        if not run.finished:
            data = runs.load()
            run.note_data(data.identity())
            run.begin()
            if data.note and progress:
                progress.message(data.note)
        if engine is None or data is None:
            results = _here(runs, run, data)
        else:
            _Jobs(runs, run, data, device, progress or Progress()).end_with(engine)
            results = [runs.read(seed_folder(run.path, seed)) for seed in runs.seeds]
        if not run.finished:
            content, line = runs.summary(results)
            run.finish(content)
            run.log(f"finished: {line}")
        return results


def refuse_engine(engine: Engine | None, what: str) -> None:
    """Refuses an engine for one run alone; raises ConfigError."""
    _check_engine(engine)
    if engine is not None:
        raise ConfigError(
            f"--engine {engine.name}: runs several jobs, and one {what} is asked for; name --seeds N, or leave it out"
        )


def _check_engine(engine: object) -> None:
    if not (engine is None or isinstance(engine, Engine)):
        raise ConfigError(f"engine: found {quoted(engine)}; expected what genocc.engines.base.choose returns")


def _here(runs: SeedRuns[D, R], run: RunFolder, data: D | None) -> list[R]:
    results: list[R] = []
    for seed in runs.seeds:
        folder = seed_folder(run.path, seed)
        try:
            results.append(runs.run(seed, folder, (folder / CONFIG).exists(), data))
        except GenoccError:
            if not (folder / CONFIG).exists() and not results:  # a wrong request shows in the first run
                run.withdraw()
            raise
    return results


class _Jobs(Generic[D, R]):
    """The runs that are missing, as jobs."""

    def __init__(self, runs: SeedRuns[D, R], run: RunFolder, data: D, device: str, progress: Progress) -> None:
        self.runs, self.run, self.data, self.device, self.progress = runs, run, data, device, progress

    def end_with(self, engine: Engine) -> None:
        """Runs them to their end; raises RunError if one has failed."""
        folders = [seed_folder(self.run.path, seed) for seed in self.runs.seeds]
        missing = [folder for folder in folders if not self._is_finished(folder)]
        with interruptions():
            try:
                for seed, folder in zip(self.runs.seeds, folders, strict=True):
                    self._begin(seed, folder, finished=folder not in missing)
                failed = self._failed(engine, [self._job(folder) for folder in missing], len(folders))
            except KeyboardInterrupt:
                self.progress.message(f"stopped; {self._advice()}")
                raise
        if failed:
            self._give_up(failed, folders)

    def _is_finished(self, folder: Path) -> bool:
        return (folder / self.runs.finished).exists()

    def _begin(self, seed: int, folder: Path, *, finished: bool) -> None:
        """Writes the configuration of a run, or compares it with the run's own; its data may have moved."""
        runs = self.runs
        config = json.loads(json.dumps(runs.config_of(seed)))
        begun = (folder / CONFIG).exists()
        if begun and read_config(folder, runs.command) == config:
            return  # it may run: Slurm keeps the jobs of a program that was killed
        wait_until_free(folder, GRACE + 5)  # of an earlier program that was killed
        with open_run(folder, runs.command, config, resume=begun, result=runs.finished, today=runs.today_of_one) as one:
            if not finished:
                one.note_data(self.data.identity())
                one.begin()

    def _job(self, folder: Path) -> Job:
        track = [text for name in self.runs.track for text in ("--track", name)]
        return Job(folder.name, (self.runs.command, "--out", str(folder), "--device", self.device, *track), folder)

    def _failed(self, engine: Engine, jobs: Sequence[Job], count: int) -> list[Outcome]:
        failed: list[Outcome] = []
        done = count - len(jobs)
        title = (
            f"{count} runs of `genocc {self.runs.command}`, engine {engine.name}; logs in {self.run.path}/seed-*.log"
        )
        with self.progress.running(title, count, done), closing(engine.run(jobs)) as outcomes:
            for outcome in outcomes:
                done += 1
                name, seconds = outcome.job.name, f"{outcome.seconds:.0f} s"
                if self._is_finished(outcome.job.folder):  # over its budget, for instance, it has a result all the same
                    said = f"{name}  done in {seconds}"
                else:
                    failed.append(outcome)
                    said = f"{name}  failed after {seconds}: {outcome.message}"
                self.run.log(said)
                self.progress.step(f"{done}/{count}", said, done)
                self.progress.epoch(f"{done:>{len(str(count))}}/{count}  {said}")
        return failed

    def _give_up(self, failed: Sequence[Outcome], folders: Sequence[Path]) -> None:
        """Raises RunError; where no run has got anywhere, the request was wrong, and leaves nothing."""
        first = failed[0]
        if not any(self._is_finished(folder) or read_history(folder) for folder in folders):
            for outcome in failed:
                shutil.rmtree(outcome.job.folder, ignore_errors=True)
                outcome.job.log.unlink(missing_ok=True)
            self.run.withdraw()
            raise RunError(f"{first.job.name}: {first.message}")
        others = f" (and {len(failed) - 1} more, see log.txt)" if len(failed) > 1 else ""
        raise RunError(
            f"{self.run.path}: {len(failed)} of {len(folders)} runs failed: {first.job.name}: {first.message}{others}; "
            f"{self._advice()}"
        )

    def _advice(self) -> str:
        return f"go on with: genocc {self.runs.command} --out {self.run.path} --resume"
