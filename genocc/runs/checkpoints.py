"""Checkpoints of a run: its newest states, each written all or nothing and read without unpickling code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from genocc.errors import RunError
from genocc.files import write_atomically
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
    folder.mkdir(exist_ok=True)
    old = _checkpoints(folder)
    number = int(old[-1].stem) + 1 if old else 1
    write_atomically(folder / f"{number:08}.pt", lambda path: torch.save(dict(state), path))
    for path in old[: len(old) + 1 - KEPT]:
        path.unlink()


def load_checkpoint(run: RunFolder) -> dict[str, Any] | None:
    """Returns the newest checkpoint that can be read, its tensors on the CPU; None before the first one.

    Raises:
        RunError: No checkpoint can be read, or there is none though the history has several epochs.
    """
    folder = run.path / CHECKPOINTS
    paths = _checkpoints(folder)
    for path in reversed(paths):
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            if not isinstance(state, dict):
                raise ValueError(f"found a {type(state).__name__}; expected a state")
            return state
        except Exception as error:  # a spoilt archive fails in many ways
            run.log(f"checkpoint {path.name} cannot be read, trying the one before it: {error}")
    if paths:
        raise RunError(f"{folder}: no checkpoint in it can be read; start a new run")
    if len(history_lines(run.path)) > 1:  # the first line alone: killed before the checkpoint that follows it
        raise RunError(f"{folder}: no checkpoint in it, though epochs have ended; start a new run")
    return None


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.pt") if path.stem.isdigit())
