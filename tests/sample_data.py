"""The sample data beside the repository, which tests use where it is there and skip where it is not."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
FOLDER = Path(os.environ.get("GENOCC_SAMPLE_DATA", ROOT.parent / "shared" / "data"))
"""``GENOCC_SAMPLE_DATA``, or ``../shared/data`` from the root of the repository."""


def available(name: str) -> bool:
    """Whether a file of the sample data is there; for parameters of tests, which are made before any test runs."""
    return (FOLDER / name).exists()


def path(name: str) -> Path:
    """Returns the path of a file or folder of the sample data; skips the test if it is not there."""
    if not available(name):
        pytest.skip(f"no sample data: {FOLDER / name} (set GENOCC_SAMPLE_DATA)")
    return FOLDER / name


@cache
def _load(name: str, key: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads(path(name).read_text(encoding="utf-8"))[key]
    return entries


def formats() -> dict[str, dict[str, Any]]:
    """Returns the verbatim samples of genotype texts by the format's name; skips the test without sample data."""
    return {entry["format"]: entry for entry in _load("formats.json", "formats")}


def genotypes() -> dict[str, dict[str, Any]]:
    """Returns the published genotypes by name; skips the test without sample data."""
    return {entry["name"]: entry for entry in _load("genotypes.json", "genotypes")}
