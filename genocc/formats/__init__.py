"""Foreign genotype texts, one file per dialect.

To add a dialect of texts, write a file with a subclass of `Dialect` and add it to ``DIALECTS``; the commands
``genocc import`` and ``genocc export-text`` and the tests of all dialects follow.
"""

from __future__ import annotations

from genocc.errors import FormatError, did_you_mean
from genocc.formats.autodl import AutoDL
from genocc.formats.aw_nas import AwNas
from genocc.formats.base import Dialect, Imported
from genocc.formats.darts import Darts
from genocc.formats.fairdarts import FairDarts
from genocc.formats.gdas import Gdas
from genocc.formats.mmrazor import MMRazor
from genocc.formats.named_tuples import definitions_in
from genocc.formats.nas_bench_201 import NasBench201
from genocc.formats.nas_bench_301 import NasBench301
from genocc.formats.naslib import NasLib
from genocc.formats.nni import Nni
from genocc.formats.random_nas import RandomNas
from genocc.formats.recognition import readers, recognized
from genocc.formats.robust_darts import RobustDarts
from genocc.formats.sightings import sightings

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        Darts(),
        AutoDL(),
        Gdas(),
        FairDarts(),
        AwNas(),
        NasBench201(),
        NasBench301(),
        Nni(),
        NasLib(),
        RandomNas(),
        MMRazor(),
        RobustDarts(),
    )
}

__all__ = ["DIALECTS", "Dialect", "Imported", "dialect", "read"]


def dialect(name: str) -> Dialect:
    """Returns a dialect by name; raises FormatError."""
    if name in DIALECTS:
        return DIALECTS[name]
    raise FormatError(f"unknown dialect '{name}'; {did_you_mean(name.lower().replace('_', '-'), DIALECTS)}")


def read(
    text: str, source: str | None = None, name: str | None = None, where: str = "text", line: int | None = None
) -> Imported:
    """Returns a genotype from a foreign text.

    Args:
        text: The whole text.
        source: The name of its dialect; if not given, all are tried.
        name: Of the genotype to read, if the text has several.
        where: The file or other place, for messages; it also names a genotype without a name.
        line: On which the genotype starts, if the text has several.

    Raises:
        FormatError: The text cannot be read. If another dialect than the named one reads it, the message says which.
    """
    named = None if source is None else dialect(source)
    try:
        if named is None:
            return recognized(DIALECTS.values(), text, name, where, line)
        return named.read(text, name, where, line)
    except FormatError as error:
        others = [other for other in DIALECTS.values() if other is not named] if named else []
        raise FormatError(f"{error}{readers(others, text, name, where, line)}") from None
    finally:
        sightings.cache_clear()
        definitions_in.cache_clear()
