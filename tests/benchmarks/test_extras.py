"""The table of extras: what each adds to what is installed in any case."""

from __future__ import annotations

from pathlib import Path

import extras


def test_an_extra_that_names_another_has_its_requirements() -> None:
    optional = {"docs": ["sphinx>=8"], "dev": ["genocc[docs]", "pytest"]}
    assert extras.requirements("dev", optional) == ["sphinx>=8", "pytest"]


def test_a_file_here_has_its_size(tmp_path: Path) -> None:
    path = tmp_path / "a b.whl"
    path.write_bytes(b"12345")
    assert extras.size(path.as_uri()) == 5


def test_a_row_has_what_the_base_has_not() -> None:
    base = {"numpy": 2_000_000, "torch": 90_000_000}
    found = extras.table(base, {"ray": {**base, "ray": 70_000_000, "rpds": 400_000}}).splitlines()
    assert found[2:] == ["| none | 2 | 92.0 | torch 90.0, numpy 2.0 |", "| `ray` | 2 | 70.4 | ray 70.0, rpds 0.4 |"]
