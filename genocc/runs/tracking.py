"""Experiment trackers: runs handed to other packages, which show them, and which their users may have send them.

The history is what counts. A tracker is given the lines that it does not have yet, whenever history and checkpoint
agree: a run that was killed goes on in the same tracked run without an epoch twice, and a tracker that has failed, or
was asked for later, catches up. What a tracker has stands in ``RUN/tracking/NAME.json``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from genocc import plugins
from genocc.errors import ConfigError, RunError, did_you_mean, expectation, quoted
from genocc.files import explained, read_text
from genocc.runs.belonging import digest
from genocc.runs.folder import RunFolder
from genocc.runs.progress import Progress
from genocc.runs.reading import CONFIG, HISTORY, RUN_TRACKING, history_lines, read_config, read_history

TRACKERS = "genocc.trackers"
"""Entry-point group in which packages register their trackers, which are classes."""
PROJECT = "genocc"
"""Under which trackers file runs, unless their own environment variables say otherwise."""
MAX_NOTE = 1 << 12
"""Bytes of a tracker's note."""


class Noted(BaseModel):
    """What a tracker has of a run.

    Attributes:
        id: Of the tracked run, as the tracker names it; None before it has begun.
        epochs: How many lines of the history it has.
        finished: Whether it has the result too.
        history: Digest of these lines; empty before the first, and in notes of older versions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = None
    epochs: Annotated[int, Field(ge=0)] = 0
    finished: bool = False
    history: Annotated[str, Field(pattern=r"^[0-9a-f]{0,64}$")] = ""


@dataclass(frozen=True)
class TrackedRun:
    """A run as trackers see it.

    Attributes:
        path: The run folder.
        folder: Where the tracker may keep what it writes: ``RUN/tracking/NAME``, not made yet.
        name: For people: the folder's name; of one of several seeds, behind that of them all.
        command: ``search`` or ``train``.
        config: Dotted path of each setting -> its value, as in config.json.
    """

    path: Path
    folder: Path
    name: str
    command: str
    config: Mapping[str, Any]


class Tracker(ABC):
    """Base of the trackers, which are registered as classes in the entry-point group ``genocc.trackers``.

    The constructor imports the package that the tracker needs; an ImportError says that it is not installed. Without
    the user's own environment variables nothing leaves the machine. Whatever the other methods raise ends the tracking
    with one line, and not the run.

    Attributes:
        package: The package that it needs, which the extra of the tracker's name installs.
    """

    package: ClassVar[str]

    @abstractmethod
    def begin(self, run: TrackedRun, noted: Noted) -> Noted:
        """Begins a tracked run, or goes on with it; returns its id, and how many epochs it has (``noted``'s, or less).

        Args:
            run: The run.
            noted: What the tracker has of it, as its folder notes.
        """

    @abstractmethod
    def epoch(self, line: Mapping[str, Any]) -> None:
        """Takes a line of the history (`scalars`, `distributions`); lines come in order."""

    @abstractmethod
    def finish(self, result: Mapping[str, Any], epoch: int) -> None:
        """Takes the result, as ``--json`` prints it, and the pictures of the run, after the last epoch."""

    @abstractmethod
    def close(self, finished: bool) -> None:
        """Ends what runs in this process; called once after `begin`, of an unfinished run too."""


def tracker_names() -> tuple[str, ...]:
    """Returns the names of all trackers, whether or not their packages are installed."""
    return plugins.names(TRACKERS)


def make_tracker(name: str) -> Tracker:
    """Returns a tracker; raises ConfigError where there is none of the name, or its package is not installed."""
    if name not in (names := tracker_names()):
        raise ConfigError(f"--track {name[:60]}: unknown tracker; {did_you_mean(name, names)}")
    found: type[Tracker] = plugins.load(TRACKERS, name, type)
    if not issubclass(found, Tracker):
        raise ConfigError(f"tracker '{name}' ({found.__module__}.{found.__qualname__}): expected a class of Tracker")
    try:
        return found()
    except ImportError:
        raise ConfigError(
            f"tracking with {name} needs the package {found.package}, which is not installed: "
            f"pip install 'genocc[{name}]'"
        ) from None


def wanted(track: Iterable[str] | str, tensorboard: bool | None = False) -> tuple[str, ...]:
    """Returns the names of the trackers that a request asks for, each once; raises ConfigError as `make_tracker`."""
    names = (track,) if isinstance(track, str) else tuple(track)
    names = tuple(dict.fromkeys([*names, *(["tensorboard"] if tensorboard else [])]))
    for name in names:
        make_tracker(name)
    return names


def scalars(line: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yields the numbers of a line of the history with their paths, such as ``test/top1``.

    Of a list of numbers, such as the edges per node, their sum. Coefficients are not among them: see `distributions`.
    """
    for name, value in line.items():
        if not prefix and name in ("epoch", "coefficients", "genotype"):
            continue
        if isinstance(value, Mapping):
            yield from scalars(value, f"{prefix}{name}/")
        elif isinstance(value, (int, float)):
            yield f"{prefix}{name}", float(value)
        elif isinstance(value, list) and value and all(isinstance(one, (int, float)) for one in value):
            yield f"{prefix}{name}", float(sum(value))


def distributions(line: Mapping[str, Any]) -> Iterator[tuple[str, list[float]]]:
    """Yields the coefficients of a line of a search, all of a kind of cell in one list, with their paths."""
    for kind, found in line.get("coefficients", {}).items():
        for part in ("edge", "op", "importance"):
            rows = [row if isinstance(row, list) else [row] for row in found[part]]
            yield f"coefficients/{kind}/{part}", [float(value) for row in rows for value in row]


class Tracking:
    """The trackers of a run; of none, nothing happens. Made by `tracked`."""

    def __init__(self, trackers: Iterable[_Handing], run: RunFolder | None, progress: Progress) -> None:
        self._trackers, self._run, self._progress = list(trackers), run, progress

    def update(self) -> None:
        """Hands over what each tracker lacks of the history, which is complete as far as the checkpoint goes."""
        self._each(lambda one: one.update())

    def finish(self, result: Callable[[], Mapping[str, Any]]) -> None:
        """Hands over the result of a finished run, and what is lacking of its history before."""
        self._each(lambda one: one.finish(result()))

    def close(self) -> None:
        """Ends what the trackers have begun."""
        self._each(lambda one: one.close())

    def _each(self, do: Callable[[_Handing], None]) -> None:
        for one in list(self._trackers):
            try:
                do(one)
            except Exception as error:  # of any class: it comes from another package
                self._trackers.remove(one)
                with suppress(Exception):
                    one.close()
                reason = quoted((str(error).strip().splitlines() or ["no reason given"])[0], 200)[1:-1]
                message = (
                    f"tracking with {one.name} has failed ({type(error).__name__}: {reason}). The run goes on; once it "
                    f"has ended, what is missing is handed over by: genocc {one.command} --out {one.path} --resume"
                )
                self._progress.message(message)
                if self._run:
                    self._run.log(message)


class _Handing:
    """A tracker, and what the run folder notes of it."""

    def __init__(self, name: str, tracker: Tracker, run: RunFolder, command: str) -> None:
        self.name, self.tracker, self.run, self.command = name, tracker, run, command
        self.path = run.path
        self.noted = read_note(run.path, name)
        self.begun = self.ended = False

    def update(self) -> None:
        lines = history_lines(self.path)
        if not self.begun:
            config = dict(_flat({**read_config(self.path, self.command), "genotype": {}}))
            folder = self.path / RUN_TRACKING / self.name
            run = TrackedRun(self.path, folder, _name(self.path.absolute()), self.command, config)
            with explained(folder.parent, "make"):
                folder.parent.mkdir(exist_ok=True)
            self._forget_other_history(lines)
            self._note(self.noted)  # should it fail now, the folder knows of it
            self.begun = True
            found = self.tracker.begin(run, self.noted)
            self._note_epochs(found, found.epochs, lines)
        for line in read_history(self.path)[self.noted.epochs :]:
            self.tracker.epoch(line)
            self._note_epochs(self.noted, self.noted.epochs + 1, lines)

    def finish(self, result: Mapping[str, Any]) -> None:
        if not self.noted.finished:
            self.update()
            self.tracker.finish(result, self.noted.epochs)
            self._note(self.noted.model_copy(update={"finished": True}))

    def close(self) -> None:
        if self.begun and not self.ended:
            self.ended = True
            self.tracker.close(self.noted.finished)

    def _forget_other_history(self, lines: Sequence[str]) -> None:
        """Forgets a tracked run whose epochs the run no longer has: it began anew, or an earlier day was put back."""
        epochs = self.noted.epochs
        if epochs > len(lines) or (self.noted.history and self.noted.history != digest(lines[:epochs])):
            self.run.log(f"tracking with {self.name} begins anew: its {epochs} epochs are not those of {HISTORY}")
            self.noted = Noted()

    def _note_epochs(self, noted: Noted, epochs: int, lines: Sequence[str]) -> None:
        known = digest(lines[:epochs]) if epochs else ""
        self._note(noted.model_copy(update={"epochs": epochs, "history": known}))

    def _note(self, noted: Noted) -> None:
        self.noted = noted
        self.run.write(f"{RUN_TRACKING}/{self.name}.json", noted.model_dump_json() + "\n")


@contextmanager
def tracked(
    run: RunFolder | None,
    names: Iterable[str],
    command: str,
    progress: Progress | None,
    together: AbstractContextManager[None],
) -> Iterator[Tracking]:
    """Yields the trackers of a run: those that are asked for, and those that have begun and not finished.

    Args:
        run: The run folder; None in all processes but the first, which alone tracks.
        names: Of the trackers that are asked for.
        command: ``search`` or ``train``.
        progress: Where a tracker that fails is told of.
        together: Ends all processes of the run where the first has no tracker of a name.

    Raises:
        ConfigError: There is no such tracker, or its package is not installed.
        RunError: What the folder notes of a tracker is not what genocc writes.
    """
    with together:
        handings: list[_Handing] = []
        if run:
            begun = [name for name in noted_names(run.path) if not read_note(run.path, name).finished]
            handings = [_Handing(name, make_tracker(name), run, command) for name in dict.fromkeys([*names, *begun])]
    found = Tracking(handings, run, progress or Progress())
    try:
        yield found
    finally:
        found.close()


def noted_names(path: Path) -> list[str]:
    """Returns the names of the trackers that a run folder notes."""
    with explained(path / RUN_TRACKING, "read"):
        return sorted(found.stem for found in (path / RUN_TRACKING).glob("[!.]*.json"))


def read_note(path: Path, name: str) -> Noted:
    """Returns what a tracker has of a run; raises RunError where the note is not what genocc writes."""
    place = path / RUN_TRACKING / f"{name}.json"
    with explained(place, "read"):
        if not place.exists():
            return Noted()
    try:
        return Noted.model_validate_json(read_text(place, limit=MAX_NOTE))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "content"
        raise RunError(
            f"{place}: {field}: found {quoted(first['input'])}; {expectation(first['msg'])}. Remove the file to track "
            "the run anew"
        ) from None


def _name(path: Path) -> str:
    of_several = (path.parent / CONFIG).exists()
    return f"{path.parent.name}-{path.name}" if of_several else path.name


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
