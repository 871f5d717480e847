"""The beginning of a run: from the fields of a request to a configuration, new or a run's own, and to its folder."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from genocc.errors import ConfigError

RUNS = Path("runs")
"""Where runs go whose folder is not given."""

C = TypeVar("C")


def new_or_resumed(
    out: str | Path | None, *, resume: bool, settings: bool, new: Callable[[], C], own: Callable[[Path], C], kind: str
) -> C:
    """Returns the configuration of a run: its own where it is resumed without settings, else a new one.

    A new configuration for a run that is resumed is compared with the run's own by `genocc.runs.folder.open_run`.

    Args:
        out: The run folder, if it is given.
        resume: Whether to go on with the run in ``out``.
        settings: Whether the request has any setting.
        new: Returns the configuration that the request describes.
        own: Returns the configuration of the run in a folder.
        kind: What messages call the run.

    Raises:
        ConfigError: ``resume`` without ``out``.
    """
    if resume and out is None:
        raise ConfigError(f"--resume needs --out: the folder of the {kind} that is to go on")
    return own(Path(out)) if resume and out is not None and not settings else new()


def run_path(out: str | Path | None, name: str) -> Path:
    """Returns the run folder: ``out``, or a folder below ``runs`` that does not exist yet.

    Args:
        out: The folder, if it is given.
        name: Of the new folder, with a number behind it if it is taken.
    """
    if out is not None:
        return Path(out)
    names = (RUNS / (name if number == 1 else f"{name}-{number}") for number in count(1))
    return next(path for path in names if not path.exists())


def given(**fields: Any) -> dict[str, Any]:
    """Returns the fields that are given: neither None nor an empty mapping."""
    return {name: value for name, value in fields.items() if value is not None and value != {}}
