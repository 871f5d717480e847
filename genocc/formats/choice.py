"""One of several genotypes in a text, chosen by its name or its line."""

from __future__ import annotations

from collections.abc import Sequence

from genocc.errors import FormatError, did_you_mean
from genocc.formats.cells import brief
from genocc.formats.sightings import Sighting

_SHOWN = 20


class SeveralError(FormatError):
    """A text has several genotypes, and nothing says which is meant.

    Attributes:
        unnamed: How many of them have no name in the text.
    """

    def __init__(self, message: str, unnamed: int) -> None:
        super().__init__(message)
        self.unnamed = unnamed


def chosen(entries: Sequence[Sighting], name: str | None, line: int | None) -> Sighting:
    """Returns the genotype of a name or a line, or the only one.

    Args:
        entries: At least one.
        name: Its name, if given.
        line: A line that it starts on or, if none starts there, stands on.

    Raises:
        FormatError: None or several fit; the message lists those that there are.
    """
    found = [entry for entry in entries if not entry.superseded] if line is None else _on_line(entries, line)
    if name is not None:
        found = [entry for entry in found if entry.name == name]
        if not found:
            named = [entry.name for entry in entries if entry.name]
            listed = f"it has {_listed(list(dict.fromkeys(named)))}" if named else "its only one has no name"
            raise FormatError(f"no genotype {brief(name)}; {did_you_mean(name, named, otherwise=listed)}")
    if len({id(entry.value) for entry in found}) > 1:
        names = [entry.name for entry in found]
        unnamed = sum(entry.name.startswith("#") for entry in found)
        lines = sorted({entry.line for entry in found if entry.line})
        by_line = f", or with --line: {_listed(list(map(str, lines)))}" if unnamed and len(lines) > 1 else ""
        raise SeveralError(f"several genotypes; choose one with --name: {_listed(names)}{by_line}", unnamed)
    return found[0]


def _on_line(entries: Sequence[Sighting], line: int) -> list[Sighting]:
    found = [entry for entry in entries if entry.line == line]
    found = found or [entry for entry in entries if entry.line and entry.line <= line <= entry.last_line]
    if not found:
        lines = sorted({entry.line for entry in entries if entry.line})
        known = f"they start on {_listed(list(map(str, lines)))}" if lines else "this dialect chooses with --name"
        raise FormatError(f"no genotype on line {line}; {known}")
    return found


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f", ... ({len(names)} in all)" if len(names) > _SHOWN else "")
