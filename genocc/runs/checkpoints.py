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

_SHARED = 1 << 20
"""Bytes that a tensor may have beyond those in the file, where its elements share some (`torch.Tensor.expand`)."""


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
            _check_tensors(state)
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


def check_kinds(stored: Any, restored: Any) -> None:
    """Checks that each tensor of a stored state was taken as it is, not cast to another type.

    Args:
        stored: The state that was loaded.
        restored: The state of who has loaded it.

    Raises:
        ValueError: A tensor is of another type or shape than where it went.
    """
    if isinstance(stored, Mapping) and isinstance(restored, Mapping):
        for key in stored.keys() & restored.keys():
            check_kinds(stored[key], restored[key])
    elif isinstance(stored, (list, tuple)) and isinstance(restored, (list, tuple)):
        for one, other in zip(stored, restored, strict=False):
            check_kinds(one, other)
    elif isinstance(stored, torch.Tensor) and isinstance(restored, torch.Tensor):
        kinds = [f"{tensor.dtype}, {tuple(tensor.shape)}" for tensor in (stored, restored)]
        if kinds[0] != kinds[1]:
            raise ValueError(f"a tensor of {kinds[0]}; expected {kinds[1]}")


def _check_tensors(state: Mapping[str, Any]) -> None:
    """Raises ValueError at a tensor that a run does not write: sparse, without values, or larger than its memory."""
    left: list[Any] = [state]
    while left:
        part = left.pop()
        if isinstance(part, Mapping):
            left.extend(part.values())
        elif isinstance(part, (list, tuple)):
            left.extend(part)
        elif isinstance(part, torch.Tensor):
            plain = part.layout == torch.strided and not part.is_meta and not part.is_quantized and not part.is_nested
            if not plain or part.numel() * part.element_size() > max(part.untyped_storage().nbytes(), _SHARED):
                found = f"{part.layout}, {part.device}, {tuple(part.shape)}"
                raise ValueError(f"found a tensor of {found}; expected a dense one, all of it in the file")


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
