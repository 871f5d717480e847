"""An engine runs independent jobs, on this machine or on others, and tells of each as it ends.

A job is a command line of genocc and the run folder that it writes, on a file system that all machines share. The
command says itself what came of it: by its exit code, its run folder and its log. So nothing but texts goes to the
process that runs a job, and locks, `--resume` and Ctrl-C work as they do for one run.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ValidationError

from genocc import plugins
from genocc.configuration import Part
from genocc.errors import EngineError, did_you_mean, expectation, quoted
from genocc.files import shortened

ENGINES = "genocc.engines"
"""Entry-point group in which packages register their engines, which are classes."""

ATTEMPTS = 2
"""How often a job is begun before it counts as failed."""

DONE, CHECK_FAILED, MISUSED = 0, 1, 2
"""Exit codes of commands that have come to their end: another attempt would end alike."""


@dataclass(frozen=True)
class Job:
    """A command and its run folder.

    Attributes:
        name: Unique among the jobs of a call; what progress and errors call it.
        arguments: A command line without the program: ``("search", "--method", "darts", "--out", "runs/a")``.
        folder: The run folder that it writes. Where it exists when the job begins, or begins again, ``--resume`` is
            appended to the command line.
        script: A Python file that takes the place of genocc.
        after: Names of jobs of the same call, further ahead in it, whose runs have to be complete first.
    """

    name: str
    arguments: tuple[str, ...]
    folder: Path
    script: Path | None = None
    after: tuple[str, ...] = ()

    @property
    def log(self) -> Path:
        """The file beside the run folder that all attempts append what they print to."""
        return self.folder.with_name(f"{self.folder.name}.log")

    @property
    def uses_gpu(self) -> bool:
        """Whether the command may use a GPU: it does not say ``--device cpu``."""
        return ("--device", "cpu") not in zip(self.arguments, self.arguments[1:], strict=False)

    def texts(self) -> list[str]:
        """Returns what `genocc.engines.command` runs, here or elsewhere: places first, then the command line."""
        script = str(self.script.absolute()) if self.script else ""
        return [*map(str, (Path.cwd(), self.folder.absolute(), self.log.absolute())), script, *self.arguments]


@dataclass(frozen=True)
class Outcome:
    """How a job has ended.

    Attributes:
        job: The job.
        ok: Whether its command ended with exit code 0.
        attempts: How often it was begun.
        seconds: From its first beginning to its end.
        message: What the command said at last, in one line, if it failed.
        code: Its exit code; that of a process killed by signal n is -n. 1 is a check that failed (a search over its
            budget): the run is complete.
    """

    job: Job
    ok: bool
    attempts: int
    seconds: float
    message: str
    code: int = 0


Outcomes = Generator[Outcome, None, None]
"""Outcomes as jobs end; closing it (`contextlib.closing`) ends the jobs that still run."""


class Session(ABC):
    """The jobs of one call of `Engine.run`.

    Attributes:
        most: How many run at a time.
    """

    most: int

    @abstractmethod
    def start(self, jobs: Sequence[Job]) -> None:
        """Begins jobs, each for the first time or again."""

    @abstractmethod
    def wait(self) -> tuple[Job, int, str]:
        """Waits until a job has ended; returns it, its exit code, and its message if it failed."""

    @abstractmethod
    def close(self) -> None:
        """Ends what still runs, and returns when it has ended: by a signal first, so that it saves its state."""


class Engine(ABC):
    """Base of the engines, which are registered as classes in the entry-point group ``genocc.engines``.

    A module of an engine imports the package that it needs only when it is used.

    Args:
        jobs: How many jobs run at a time; None: as the engine sees fit.
        settings: An object of ``Settings``.

    Attributes:
        name: What ``--engine`` calls it.
        title: What it is, for people.
        package: The package that it needs; empty where it needs none.
        Settings: What ``--engine-set`` may say of it; all fields have a default and a description.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    package: ClassVar[str] = ""
    Settings: ClassVar[type[Part]] = Part

    def __init__(self, jobs: int | None, settings: Any) -> None:
        self.jobs, self.settings = jobs, settings

    @property
    def width(self) -> int | None:
        """How many jobs run at a time, as far as that is known before there are any; None where it is not."""
        return self.jobs

    @abstractmethod
    def open(self, jobs: Sequence[Job]) -> Session:
        """Returns what runs some jobs; raises EngineError where the machines are not there."""

    @classmethod
    def version(cls) -> str | None:
        """Returns the version of its package; None where there is none."""
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version(cls.package) if cls.package else None
        except PackageNotFoundError:
            return None

    @classmethod
    def lacks(cls) -> str | None:
        """Returns why the engine is not available here, and what to do; None if it is available."""
        if cls.package and cls.version() is None:
            return f"engine '{cls.name}' needs the package {cls.package}: pip install 'genocc[{cls.name}]'"
        return None

    @classmethod
    def to_dict(cls) -> dict[str, Any]:
        """Returns plain data for ``genocc engines --json``."""
        reason = cls.lacks()
        settings = {
            name: {"default": field.default, "about": field.description}
            for name, field in cls.Settings.model_fields.items()
        }
        return {
            "name": cls.name,
            "title": cls.title,
            "version": cls.version(),
            "available": reason is None,
            "missing": reason,
            "settings": settings,
        }

    def run(self, jobs: Iterable[Job], *, started: Callable[[Job], None] = lambda job: None) -> Outcomes:
        """Runs jobs, and yields the outcome of each as it ends; closing the iterator ends those that still run.

        A job that is killed, or whose program crashes, is begun once more; one that ends by itself, with an error that
        is its user's (exit code 2) or a check that failed (1), is not. A job that waits for one that has failed is
        never begun: its outcome has no attempts.

        Args:
            jobs: With different names and folders.
            started: Called with each job when it is handed over for the first time.

        Raises:
            EngineError: Jobs share a name or a folder, or the machines are not there.
        """
        every = list(jobs)
        for what, found in (("name", [job.name for job in every]), ("folder", [str(job.folder) for job in every])):
            if twice := [value for value, count in Counter(found).items() if count > 1]:
                raise EngineError(f"two jobs have the {what} {quoted(twice[0])}; give each its own")
        ahead: set[str] = set()
        for job in every:
            if absent := set(job.after) - ahead:
                raise EngineError(f"job {quoted(job.name)}: no job {quoted(min(absent))} stands ahead of it")
            ahead.add(job.name)
        return self._outcomes(every, started)

    def _outcomes(self, jobs: list[Job], started: Callable[[Job], None]) -> Outcomes:
        if not jobs:
            return
        queue = deque(job for job in jobs if not job.after)
        waiting = {job.name: (job, set(job.after)) for job in jobs if job.after}
        attempts, begun = Counter[str](), dict[str, float]()
        running = 0
        with closing(self.open(jobs)) as session:
            while queue or running:
                chosen = [queue.popleft() for _ in range(min(len(queue), session.most - running))]
                for job in chosen:
                    if not attempts[job.name]:
                        begun[job.name] = time.monotonic()
                        started(job)
                    attempts[job.name] += 1
                if chosen:
                    session.start(chosen)
                running += len(chosen)
                job, code, message = session.wait()
                running -= 1
                count = attempts[job.name]
                if code not in (DONE, CHECK_FAILED, MISUSED) and count < ATTEMPTS:
                    queue.append(job)
                    continue
                yield Outcome(job, code == DONE, count, time.monotonic() - begun[job.name], message, code)
                if code in (DONE, CHECK_FAILED):
                    queue.extendleft(reversed(_freed(waiting, job)))
                else:
                    yield from _lost(waiting, job, code)


_Waiting = dict[str, tuple[Job, set[str]]]
"""Jobs that cannot begin yet, and the names of those that they wait for."""


def _freed(waiting: _Waiting, done: Job) -> list[Job]:
    """The jobs that have waited for this one alone; they wait no longer."""
    for _, names in waiting.values():
        names.discard(done.name)
    return [waiting.pop(name)[0] for name, (_, names) in list(waiting.items()) if not names]


def _lost(waiting: _Waiting, failed: Job, code: int) -> Iterator[Outcome]:
    """The outcomes of those that wait for a failed job, and of those that wait for them; they wait no longer."""
    for name in [name for name, (_, names) in waiting.items() if failed.name in names]:
        if name in waiting:
            job, _ = waiting.pop(name)
            yield Outcome(job, False, 0, 0.0, f"not begun, since {failed.name} has failed", code)
            yield from _lost(waiting, job, code)


def engine_names() -> tuple[str, ...]:
    """Returns the names of all engines, whether or not they are available here."""
    return plugins.names(ENGINES)


def engine_type(name: str) -> type[Engine]:
    """Returns the class of an engine without loading the others; raises EngineError."""
    if name not in (names := engine_names()):
        raise EngineError(f"unknown engine {quoted(name)}; {did_you_mean(name, names)}")
    found: type[Engine] = plugins.load(ENGINES, name, type)
    if not issubclass(found, Engine):
        raise EngineError(f"engine '{name}' ({found.__module__}.{found.__qualname__}): expected a class of Engine")
    return found


def choose(name: str, *, jobs: int | None = None, settings: Mapping[str, str] | None = None) -> Engine:
    """Returns an engine.

    Args:
        name: Such as ``local``; see `genocc engines`.
        jobs: How many jobs run at a time; None: as the engine sees fit.
        settings: Such as ``{"slurm.partition": "gpu"}``: what ``--engine-set`` takes (`parse_settings`).

    Raises:
        EngineError: There is no such engine or setting, or the package that it needs is missing.
    """
    found = engine_type(name)
    if jobs is not None and jobs < 1:
        raise EngineError(f"--jobs {jobs}: expected at least 1")
    made = _settings(found, settings or {})
    if reason := found.lacks():
        raise EngineError(reason)
    return found(jobs, made)


def parse_settings(texts: Iterable[str]) -> dict[str, str]:
    """Returns settings as `choose` takes them from texts ``ENGINE.SETTING=VALUE``; raises EngineError."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not value.strip() or "." not in name:
            raise EngineError(f"--engine-set {shortened(text)}: expected ENGINE.SETTING=VALUE")
        found[name.strip()] = value.strip()
    return found


def _settings(engine: type[Engine], texts: Mapping[str, str]) -> Part:
    fields, given = engine.Settings.model_fields, {}
    for path, value in texts.items():
        of, _, name = path.partition(".")
        where = f"--engine-set {shortened(path)}"
        if of != engine.name:
            raise EngineError(f"{where}: the engine is '{engine.name}'; expected {engine.name}.SETTING")
        if name not in fields:
            nothing = f"engine '{engine.name}' has no settings"
            offered = did_you_mean(name, fields, f"{engine.name}.") if fields else nothing
            raise EngineError(f"{where}: there is no '{of}.{name[:60]}'; {offered}")
        given[name] = value
    try:
        return engine.Settings.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise EngineError(
            f"--engine-set {engine.name}.{where}: found {quoted(first['input'])}; {expectation(first['msg'])}"
        ) from None
