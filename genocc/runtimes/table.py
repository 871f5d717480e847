"""The table of runtimes: those of genocc and of other packages, by entry points."""

from __future__ import annotations

from collections.abc import Sequence

from genocc import plugins
from genocc.errors import TargetError
from genocc.runtimes.base import Runtime
from genocc.runtimes.compiled_file import CompiledFile

RUNTIMES = "genocc.runtimes"
"""Entry-point group in which packages register their runtimes."""

ALL = "all"
"""What ``--runtime`` calls every runtime that is available and reads a file."""


def runtimes() -> dict[str, Runtime]:
    """Returns all runtimes by name, whether or not they are available here; raises GenoccError."""
    return {name: runtime(name) for name in plugins.names(RUNTIMES)}


def runtime(name: str) -> Runtime:
    """Returns a runtime without loading the others.

    Raises:
        TargetError: There is none of this name.
        GenoccError: The package that registers it cannot be loaded.
    """
    if name not in (names := plugins.names(RUNTIMES)):
        raise TargetError(f"unknown runtime '{name}'; expected one of {', '.join(names)}")
    found: Runtime = plugins.load(RUNTIMES, name, Runtime)
    return found


def chosen(file: CompiledFile, names: Sequence[str], provider: str) -> list[Runtime]:
    """Returns the runtimes that shall run a file.

    Args:
        file: The file.
        names: Of runtimes; ``all`` stands for those that read such files and are available. None: the file's own.
        provider: Where they shall run it.

    Raises:
        TargetError: A runtime does not exist, is not available, or does not read such files.
        GenoccError: As `runtime`.
    """
    found: dict[str, Runtime] = {}
    for name in names:
        if name == ALL:
            able = (one for one in runtimes().values() if file.suffix in one.reads and provider in one.providers)
            found |= {one.name: one for one in able if one.lacks(provider) is None}
        else:
            found[name] = runtime(name)
            found[name].check(file, provider)
    if names and not found:
        raise TargetError(f"{file.where}: no runtime here reads {file.suffix} files on {provider}; see genocc runtimes")
    if not names:
        found = {name: runtime(name) for name in file.runtimes}
        next(iter(found.values())).check(file, provider)  # the others need not have the provider
    return list(found.values())
