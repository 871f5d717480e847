"""Writes a run folder (`genocc.runs` says what is in one) so that a run can go on wherever it was killed.

An epoch's line goes into the history before the checkpoint that closes the epoch, so the history is never shorter than
the checkpoint says, and lines beyond the checkpoint are cut off when the run goes on.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from genocc.configuration import OPTIONS
from genocc.errors import FileError, RunError
from genocc.files import advice, explained, is_temporary, shortened, write_atomically
from genocc.runs.known_data import KnownData
from genocc.runs.reading import (
    CHECKPOINTS,
    CONFIG,
    HISTORY,
    KNOWN_DATA,
    KNOWN_FILES,
    LOCK,
    LOG,
    MAX_CONFIG,
    RUN_GENOTYPE,
    history_lines,
    read_command,
    read_config,
    read_known_data,
    read_known_files,
)
from genocc.version import __version__

MOVABLE = ("data.folder", "data.download")
"""Settings that say where the data are, and so may change while a run's data stay the same."""
_SHOWN = 60
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK)


class RunFolder:
    """A run folder that this process has to itself; made by `open_run`.

    Attributes:
        path: The folder.
        content: Of config.json, as it would be written now.
        today: As for `open_run`.
    """

    def __init__(
        self,
        path: Path,
        content: Mapping[str, Any],
        result: str = RUN_GENOTYPE,
        *,
        moved: bool = False,
        today: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict,
    ) -> None:
        self.path, self.content, self._result, self._moved, self.today = path, dict(content), result, moved, today

    def note_data(self, data: Mapping[str, Any]) -> None:
        """Notes the data (`genocc.data.DataSet.identity`) for `begin`; compares them with those of an earlier one.

        Raises:
            RunError: The run began with other data.
        """
        own = KnownData.read(self.path) if (self.path / CONFIG).exists() else None
        if own is not None and (differs := own.difference(data)):
            raise RunError(
                f"{self.path}: the images are not those that the run began with: {differs}. Restore them, name "
                "their place with --data, or start a new run"
            )
        # Its own note, which its checkpoints repeat: one of an older version says less.
        self.content[KNOWN_DATA] = dict(data) if own is None else read_known_data(self.path)

    def note_files(self, files: Mapping[str, str]) -> None:
        """Notes the content of files that settings name, for `begin`; compares it with that of an earlier one.

        Args:
            files: Setting -> digest of its file.

        Raises:
            RunError: A file is another than the run began with; runs of older versions have not noted any.
        """
        own = read_known_files(self.path) if (self.path / CONFIG).exists() else None
        if own is not None and (changed := [name for name in files if own.get(name) != files[name]]):
            raise RunError(
                f"{self.path}: the file of {changed[0]} is not the one that the run began with; put that back, or "
                "start a new run"
            )
        if files:
            self.content[KNOWN_FILES] = dict(files)

    def begin(self) -> None:
        """Writes config.json, which makes the folder a run's, once it is clear that there is something to run.

        That of a run whose data have moved is written anew.
        """
        if self._moved or not (self.path / CONFIG).exists():
            text = json.dumps(self.content, indent=2, ensure_ascii=False) + "\n"
            if len(text.encode()) > MAX_CONFIG:  # which could not be read again
                raise RunError(
                    f"{self.path / CONFIG}: larger than {MAX_CONFIG:,} bytes: the data have too many classes"
                )
            write_atomically(self.path / CONFIG, text)

    @property
    def result_path(self) -> Path:
        """Path of the result."""
        return self.path / self._result

    @property
    def finished(self) -> bool:
        """Whether the run has its result."""
        return self.result_path.exists()

    def withdraw(self) -> None:
        """Undoes `begin`, for a run that failed before it had anything to keep, and removes its log."""
        for name in (LOG, CONFIG):  # a folder with a log alone would be another's
            with explained(self.path / name, "remove"):
                (self.path / name).unlink(missing_ok=True)

    def log(self, message: str) -> None:
        """Appends a line to log.txt."""
        path = self.path / LOG
        with explained(path, "write"), open(path, "a", encoding="utf-8") as stream:
            stream.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {message}\n")

    def append(self, line: Mapping[str, Any]) -> None:
        """Appends a line to the history; returns when it is on the disk."""
        path = self.path / HISTORY
        with explained(path, "write"), open(path, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
            stream.flush()
            os.fsync(stream.fileno())

    def truncate(self, epochs: int) -> None:
        """Cuts the history to its first ``epochs`` lines.

        Raises:
            RunError: It has fewer.
        """
        lines = history_lines(self.path)
        if len(lines) < epochs:
            raise RunError(
                f"{self.path / HISTORY}: {len(lines)} epochs; the checkpoint is from after epoch {epochs}. The history "
                "was changed since; start a new run"
            )
        if len(lines) > epochs or _torn(self.path):
            write_atomically(self.path / HISTORY, "".join(f"{line}\n" for line in lines[:epochs]))

    def write(self, name: str, content: str | Callable[[Path], None]) -> None:
        """Writes a file of the folder, all or nothing."""
        write_atomically(self.path / name, content)

    def finish(self, content: str | Callable[[Path], None]) -> None:
        """Writes the result; the run is finished."""
        write_atomically(self.result_path, content)


@contextmanager
def open_run(
    path: str | Path,
    command: str,
    config: Mapping[str, Any],
    *,
    resume: bool = False,
    result: str = RUN_GENOTYPE,
    today: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict,
) -> Iterator[RunFolder]:
    """Opens a run folder for this process alone.

    Args:
        path: The folder; made where it is missing.
        command: Whose run it is: ``search``, for instance.
        config: Everything needed to repeat the run, as plain data.
        resume: Whether to go on with a run of the same configuration; only the place of its data (``MOVABLE``) may be
            another. A run that was stopped before it had written anything begins anew.
        result: Name of the file that only a finished run has.
        today: Returns a run's own configuration, in which settings may have former spellings, as it would be now.

    Raises:
        RunError: The folder is in use, has a run in it though ``resume`` is False, holds something else, or its run
            has another configuration.
        FileError: The folder cannot be made or written to.
    """
    folder = Path(path)
    made = _prepare(folder, resume)
    with _locked(folder, made):
        content = {"command": command, "genocc": __version__, "config": json.loads(json.dumps(config))}
        moved = False
        if (folder / CONFIG).exists():
            if (other := read_command(folder)) != command:
                raise RunError(f"{folder}: has a run of `genocc {other}` in it; choose another --out")
            if not resume:
                raise RunError(f"{folder}: has a run in it; go on with --resume, or choose another --out")
            own = today(read_config(folder, command))
            refuse_difference(folder, own, content["config"])
            moved = own != content["config"]
            content |= {KNOWN_FILES: files} if (files := read_known_files(folder)) else {}
        yield RunFolder(folder, content, result, moved=moved, today=today)


def wait_until_free(folder: Path, seconds: float) -> None:
    """Waits while another process has a run folder, for so many seconds at most; one that is missing is free."""
    if (folder / LOCK).exists():
        with suppress(Timeout, OSError), _lock(folder, seconds):
            pass


def refuse_difference(folder: Path, own: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Raises RunError, which names the first of them, where settings are asked for that are not a run's own."""
    if differs := difference(own, asked):
        raise RunError(
            f"{folder / CONFIG}: {differs}; a run keeps its settings: resume it without options, or choose another "
            "--out"
        )


def _prepare(folder: Path, resume: bool) -> bool:
    """Makes the folder, and returns whether it was not there."""
    try:
        made = not folder.exists()
        if resume and not folder.is_dir():
            raise RunError(f"{folder}: no such run to resume; check the path, or leave --resume out")
        folder.mkdir(parents=True, exist_ok=True)
        foreign = [entry.name for entry in folder.iterdir() if not entry.name.startswith(".")]
    except OSError as error:
        raise FileError(
            f"{shortened(folder)}: cannot be used as a run folder: {error.strerror}{advice(error)}"
        ) from None
    if foreign and CONFIG not in foreign:
        raise RunError(f"{folder}: has other files in it ({min(foreign)}); choose a new or empty folder")
    return made


@contextmanager
def _locked(folder: Path, made: bool) -> Iterator[None]:
    lock = _lock(folder)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise RunError(f"{folder}: in use by another process; wait for it, or choose another --out") from None
    except OSError as error:
        if error.errno in _NO_LOCKS:
            raise FileError(
                f"{folder}: its file system does not lock files (flock), so two processes might write this run; mount "
                "it with locks (docs/engines.md), or choose another --out"
            ) from None
        raise FileError(f"{folder}: cannot be used as a run folder: {error.strerror}{advice(error)}") from None
    try:
        _sweep(folder)
        yield
    finally:
        with suppress(OSError):  # the folder may be gone
            if made and {entry.name for entry in folder.iterdir()} <= {LOCK}:  # the run failed before it began
                (folder / LOCK).unlink()
                folder.rmdir()
        lock.release()


def _lock(folder: Path, seconds: float = -1) -> FileLock:
    """A lock of the system, which ends with its process; never a mere file, which a killed process would leave."""
    return FileLock(folder / LOCK, timeout=seconds, poll_interval=0.05, fallback_to_soft=False)


def _sweep(folder: Path) -> None:
    """Removes files that were half-written when a process was killed."""
    for place in (folder, folder / CHECKPOINTS):
        for left in filter(is_temporary, place.glob(".*.*")):  # other hidden files are not ours
            with explained(left, "remove"):
                left.unlink(missing_ok=True)


def _torn(folder: Path) -> bool:
    path = folder / HISTORY
    return path.exists() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")


def difference(old: Any, new: Any, where: str = "") -> str:
    """Returns the first field in which two configurations differ, in words; empty where at most the data's place does.

    Args:
        old: A configuration, as plain data.
        new: Another.
        where: Path of the field that they are.
    """
    if where.endswith(MOVABLE):
        return ""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in {**old, **new}:
            if found := difference(old.get(key), new.get(key), f"{where}.{key}" if where else key):
                return found
        return ""
    if old == new:
        return ""
    option = OPTIONS.get(where.removeprefix("search.").removeprefix("training."))
    named = f"{where} ({option})" if option else where
    return f"{named} is {json.dumps(old)[:_SHOWN]}, not {json.dumps(new)[:_SHOWN]}"
