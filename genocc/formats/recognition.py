"""Which dialect a text is in: the one that reads it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from genocc.errors import FormatError
from genocc.formats.base import Dialect, Imported
from genocc.formats.choice import SeveralError


def recognized(
    dialects: Iterable[Dialect], text: str, name: str | None = None, where: str = "text", line: int | None = None
) -> Imported:
    """Returns a genotype from a text of any dialect, with a note of which it was.

    Where several dialects read the same genotype, the one with the fewest notes counts.

    Args:
        dialects: Those to try.
        text: The whole text.
        name: Of the genotype to read, if the text has several.
        where: The file or other place, for messages.
        line: On which the genotype starts, if the text has several.

    Raises:
        FormatError: No dialect reads the text, or several read different genotypes.
    """
    tried = list(dialects)
    _refuse_genocc(text, where)
    found = _readings(tried, text, name, where, line)
    if len(found) > 1:
        raise FormatError(f"{where}: {' and '.join(found)} read different genotypes; choose one with --from")
    for dialect, imported in found.items():
        return replace(imported, notes=(f"read as {dialect}", *imported.notes))
    raise _closest(tried, text, name, where, line)


def readers(
    dialects: Iterable[Dialect], text: str, name: str | None = None, where: str = "text", line: int | None = None
) -> str:
    """Returns the end of a message about a text that a dialect cannot read: which others would; '' if none."""
    found = _readings(dialects, text, name, where, line)
    return f"; --from {' or '.join(found)} reads it" if found else ""


def _readings(
    dialects: Iterable[Dialect], text: str, name: str | None, where: str, line: int | None
) -> dict[str, Imported]:
    """The different genotypes that dialects read, each by the first dialect that reads it with the fewest notes."""
    found: dict[str, tuple[str, Imported]] = {}
    for dialect in dialects:
        try:
            imported = dialect.read(text, name, where, line)
        except FormatError:
            continue
        known = found.get(imported.genotype.hash)
        if known is None or len(imported.notes) < len(known[1].notes):
            found[imported.genotype.hash] = dialect.name, imported
    return dict(found.values())


def _closest(tried: list[Dialect], text: str, name: str | None, where: str, line: int | None) -> FormatError:
    """The error of the dialect that comes furthest: finds a genotype, chooses one, understands its cells."""
    best = (0, 0, FormatError(""))
    for dialect in tried:
        stage, unnamed = 0, 0
        try:
            if dialect.entries(text):
                stage = 1
            found = dialect.find(text, name, line)
            stage = 2
            cells = dialect.cells(found.parsed())
            stage = 3
            dialect.imported(found, cells, where)
        except SeveralError as error:
            stage, unnamed, problem = 4, -error.unnamed, FormatError(str(error))
        except FormatError as error:
            problem = FormatError(f"read as {dialect.name}: {error}")
        else:
            continue
        if (stage, unnamed) > best[:2] or not str(best[2]):
            best = stage, unnamed, problem
    if best[0]:
        return FormatError(f"{where}: {best[2]}")
    names = ", ".join(dialect.name for dialect in tried)
    return FormatError(f"{where}: no genotype found; expected a text of one of {names}")


def _refuse_genocc(text: str, where: str) -> None:
    if text.lstrip()[:1] == "{" and '"genocc.genotype"' in text[:1000]:
        raise FormatError(f"{where}: is a genotype of genocc already; every command reads it as it is")
