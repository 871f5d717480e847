"""``genocc export-text``."""

from __future__ import annotations

from pathlib import Path

import pytest

from genocc import Genotype
from genocc.formats import dialect
from tests.cli.commands import error, run


@pytest.mark.parametrize("name", ["darts", "nni", "mmrazor"])
def test_the_text_reads_back_as_the_same_cells(name: str, darts_v2: Genotype, tmp_path: Path) -> None:
    printed = run("export-text", "zoo:darts-v2", "--to", name).stdout
    assert run("export-text", "zoo:darts-v2", "--to", name, "-o", tmp_path / "text").stdout == ""
    assert (tmp_path / "text").read_text() == printed
    assert dialect(name).read(printed, None, where="text").genotype.hash == darts_v2.hash


def test_unknown_dialects_and_what_one_cannot_say_are_one_line(tmp_path: Path) -> None:
    assert "unknown dialect 'keras'" in error("export-text", "zoo:darts-v2", "--to", "keras")
    path = tmp_path / "text"
    assert "cannot express 'darts-v2'" in error("export-text", "zoo:darts-v2", "--to", "nas-bench-201", "-o", path)
    assert not path.exists()
