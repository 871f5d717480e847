"""The beginning of a run: which of a request's fields say something, and where the run goes."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

RUNS = Path("runs")
"""Where runs go that were not told where."""


def given(**fields: Any) -> dict[str, Any]:
    """Returns the fields that say something."""
    return {name: value for name, value in fields.items() if value is not None and value != {}}


def new_folder(name: str) -> Path:
    """Returns a folder below ``runs`` that is not there yet: the name, with a number behind it if it is taken."""
    names = (RUNS / (name if number == 1 else f"{name}-{number}") for number in count(1))
    return next(path for path in names if not path.exists())
