"""Entry points, by which other packages add to genocc: found without importing them, loaded one at a time."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from genocc.errors import GenoccError, quoted

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def names(group: str) -> tuple[str, ...]:
    """Returns the names that packages have registered in a group, sorted."""
    return tuple(sorted(_entries(group)))


def load(group: str, name: str, expected: type) -> Any:
    """Returns the object registered under a name of a group.

    Raises:
        GenoccError: Two packages have registered it, it cannot be imported, or it is not an object of the class
            expected; the message names the package.
    """
    entry, *others = _entries(group)[name]
    where = f"entry point '{name}' of '{group}', from package {_package(entry)}"
    if others:
        raise GenoccError(f"{where}: {_package(others[0])} has one of the same name; uninstall one of them")
    try:
        found = entry.load()
    except (Exception, SystemExit) as error:  # of any class: it runs code of another package
        said = quoted(str(error), 200)[1:-1]
        raise GenoccError(
            f"{where}: {quoted(entry.value)[1:-1]} cannot be loaded: {type(error).__name__}: {said}"
        ) from error
    if not isinstance(found, expected):
        raise GenoccError(f"{where}: {entry.value} is {type(found).__name__}; expected {expected.__name__}")
    return found


@cache
def _entries(group: str) -> Mapping[str, list[EntryPoint]]:
    from importlib.metadata import entry_points

    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=group):
        found.setdefault(entry.name, []).append(entry)
    return found


def _package(entry: EntryPoint) -> str:
    return f"'{entry.dist.name}'" if entry.dist else "unknown"
