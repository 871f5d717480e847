"""Checkpoints of a run: its newest states, each written all or nothing and read without unpickling code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from genocc.errors import RunError
from genocc.files import explained, file_error, write_atomically
from genocc.runs.folder import RunFolder
from genocc.runs.reading import CHECKPOINTS, history_lines

KEPT = 2
"""Checkpoints that stay: the newest, and the one before it in case a disk or a power cut spoils the newest."""


def save_checkpoint(run: RunFolder, state: Mapping[str, Any]) -> None:
    """Writes a checkpoint, and removes those that are no longer needed.

    Args:
        run: Where it goes.
        state: Nested dicts and lists of tensors, numbers, texts and None.
    """
    folder = run.path / CHECKPOINTS
    with explained(folder, "write"):
        folder.mkdir(exist_ok=True)
        old = _checkpoints(folder)
    number = int(old[-1].stem) + 1 if old else 1
    write_atomically(folder / f"{number:08}.pt", lambda path: _save(state, path))
    for path in old[: len(old) + 1 - KEPT]:
        with explained(path, "remove"):
            path.unlink(missing_ok=True)


def load_checkpoint(run: RunFolder) -> dict[str, Any] | None:
    """Returns the newest checkpoint that can be read, its tensors on the CPU; None before the first one.

    Raises:
        RunError: No checkpoint can be read, or there is none though the history has several epochs.
        FileError: One is there and whole, as far as one can see, but cannot be opened.
    """
    folder = run.path / CHECKPOINTS
    with explained(folder, "read"):
        paths = _checkpoints(folder)
    failed = None
    for path in reversed(paths):
        try:
            with open(path, "rb") as stream:
                state = torch.load(stream, map_location="cpu", weights_only=True)
            if not isinstance(state, dict):
                raise ValueError(f"found a {type(state).__name__}; expected a state")
            return state
        except PermissionError as error:
            raise file_error(error, path, "read") from None
        except Exception as error:  # a spoilt archive fails in many ways
            failed = failed or (file_error(error, path, "read") if isinstance(error, OSError) else None)
            run.log(f"checkpoint {path.name} cannot be read, trying the one before it: {error}")
    if failed:
        raise failed
    if paths:
        raise RunError(f"{folder}: no checkpoint in it can be read; start a new run")
    if len(history_lines(run.path)) > 1:  # the first line alone: killed before the checkpoint that follows it
        raise RunError(f"{folder}: no checkpoint in it, though epochs have ended; start a new run")
    return None


def _save(state: Mapping[str, Any], path: Path) -> None:
    """Through a file of Python's: PyTorch's own writer does not say what failed."""
    with open(path, "wb") as stream:
        try:
            torch.save(dict(state), stream)
        except RuntimeError as error:  # the archive, which the disk has no room for, is not as long as it should be
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.pt") if path.stem.isdigit())
