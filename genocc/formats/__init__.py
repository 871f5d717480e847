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
from genocc.formats.nas_bench_201 import NasBench201
from genocc.formats.nas_bench_301 import NasBench301
from genocc.formats.naslib import NasLib
from genocc.formats.nni import Nni
from genocc.formats.robust_darts import RobustDarts

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
        MMRazor(),
        RobustDarts(),
    )
}

__all__ = ["DIALECTS", "Dialect", "Imported", "dialect"]


def dialect(name: str) -> Dialect:
    """Returns a dialect by name; raises FormatError."""
    if name in DIALECTS:
        return DIALECTS[name]
    raise FormatError(f"unknown dialect '{name}'; {did_you_mean(name.lower().replace('_', '-'), DIALECTS)}")
