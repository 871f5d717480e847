"""The zoo: published genotypes as JSON files beside this module, with source and published figures in ``metadata``."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from genocc.errors import FileError, did_you_mean
from genocc.genotype import Genotype

_FOLDER = Path(__file__).parent


@cache
def names() -> tuple[str, ...]:
    """Returns the names of all entries, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.json")))


def load(name: str) -> Genotype:
    """Returns an entry by name; upper case and underscores are accepted (``DARTS_V2`` is ``darts-v2``).

    Raises:
        FileError: There is no such entry; the message offers the closest.
    """
    key = name.lower().replace("_", "-")
    if key not in names():
        hint = did_you_mean(key, names(), prefix="zoo:", otherwise="`genocc zoo list` lists them")
        raise FileError(f"the zoo has no entry '{name}'; {hint}")
    return Genotype.load(_FOLDER / f"{key}.json")
