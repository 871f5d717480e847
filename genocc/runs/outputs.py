"""Outputs of commands: never over what a command reads, nor over the files of a run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from genocc.errors import FileError, GenoccError
from genocc.files import explained
from genocc.runs.reading import CONFIG, RUN_FILES, RUN_FOLDERS, read_command


def refuse_overwriting(output: str | Path | None, *inputs: str | Path | None) -> None:
    """Checks that a command destroys neither what it reads nor a run.

    In a run folder, the names of a run's files are taken, also of those that it does not have yet; a file of any other
    name may be written there, and written again.

    Args:
        output: Where the command will write; ``-`` and None are standard output.
        *inputs: The files that it reads; ``-`` is standard input. What is no file counts for nothing.

    Raises:
        FileError: The output is an input, or a file of a run.
    """
    if output is None or str(output) == "-":
        return
    with explained(output, "write"):
        target = Path(os.path.realpath(output))
        folders = [Path(os.path.realpath(given)) for given in inputs if given is not None]
        if (run := _run_of(target, folders)) is not None:
            raise FileError(f"{output}: is a file of the run in {run}; choose another name for the output")
        if not target.is_file():
            return
        for given in inputs:
            if given is not None and _is_same(target, str(given)):
                raise FileError(f"{output}: is also an input of this command; choose another name for the output")


def _run_of(target: Path, read: list[Path]) -> Path | None:
    """The run folder, be it one that is read, whose file a path is, present or not; None if it is none."""
    folders = [folder.parent for folder in target.parents[:3] if folder.name.lower() in RUN_FOLDERS]
    if target.name.lower() in RUN_FILES:  # lower: some file systems know no other
        folders.append(target.parent)
    return next((folder for folder in folders if folder in read or _is_run(folder)), None)


def _is_run(folder: Path) -> bool:
    if not (folder / CONFIG).is_file():
        return False
    try:
        read_command(folder)
    except GenoccError:  # of another program, or damaged
        return False
    return True


def _is_same(target: Path, given: str) -> bool:
    if given == "-":
        return sys.stdin is not None and _is_standard_input(target)
    try:
        return target.samefile(given)
    except (OSError, ValueError):  # there is no such file
        return False


def _is_standard_input(target: Path) -> bool:
    try:
        return os.path.samestat(target.stat(), os.fstat(sys.stdin.fileno()))
    except (OSError, ValueError):  # an object in the place of standard input, without a file
        return False
