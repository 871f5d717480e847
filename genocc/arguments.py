"""Arguments of the library's functions: what is a Python value of the right kind, whatever made it.

NumPy's numbers and arrays are taken for Python's; a text is one name, not the sequence of its letters.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from os import PathLike
from pathlib import Path
from typing import Any

from genocc.errors import GenoccError, quoted


def whole(value: Any, name: str, least: int, most: int | None = None) -> int:
    """Returns a whole number within limits; raises GenoccError for anything else."""
    try:
        number = index(value)
    except TypeError:
        number = least - 1
    if isinstance(value, bool) or number < least or (most is not None and number > most):
        limits = f", {least} or more" if most is None else f" from {least} to {most:,}"
        raise GenoccError(f"{name}: found {quoted(value)}; expected a whole number{limits}")
    return number


def texts(values: Iterable[Any], name: str) -> tuple[str, ...]:
    """Returns texts in order; raises GenoccError for a single one, and for what is no text."""
    if isinstance(values, Iterable) and not isinstance(values, (str, bytes)):
        found = tuple(values)
        if all(isinstance(value, str) for value in found):
            return tuple(map(str, found))
    raise GenoccError(f"{name}: found {quoted(values)} ({type(values).__name__}); expected a list of texts")


def path(value: Any, name: str, expected: str = "a path") -> Path:
    """Returns a path from a text or a path; raises GenoccError for anything else."""
    if isinstance(value, (str, PathLike)):
        try:
            return Path(value)
        except TypeError:  # a path of bytes
            pass
    raise GenoccError(f"{name}: found {quoted(value)} ({type(value).__name__}); expected {expected}")
