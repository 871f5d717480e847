"""``genocc report``."""

from __future__ import annotations

from pathlib import Path

from tests.cli.commands import error, run
from tests.exporters.runs import write_search


def test_a_page_is_written_and_named(tmp_path: Path) -> None:
    write_search(tmp_path / "run", epochs=2, name="made-up")
    page = tmp_path / "page.html"
    assert run("report", tmp_path / "run", "-o", page).stdout == f"{page}\n"
    assert "made-up" in page.read_text(encoding="utf-8")


def test_what_is_no_run_is_one_line(tmp_path: Path) -> None:
    assert "no run in it" in error("report", tmp_path, "-o", tmp_path / "page.html")
    assert not list(tmp_path.iterdir())
