"""``genocc draw``."""

from __future__ import annotations

from pathlib import Path

from tests.cli.commands import error, run


def test_cells_are_drawn_and_the_file_is_named(tmp_path: Path) -> None:
    one, both = tmp_path / "one.dot", tmp_path / "both.dot"
    assert run("draw", "zoo:darts-v2", "-o", one, "--cell", "normal").stdout == f"{one}\n"
    assert run("draw", "zoo:darts-v2", "-o", both).exit_code == 0
    assert "sep_conv_3x3" in one.read_text()
    assert "max_pool_3x3" not in one.read_text()  # only the reduction cell has it
    assert "max_pool_3x3" in both.read_text()


def test_films_are_of_runs_and_pictures_have_known_suffixes(tmp_path: Path) -> None:
    film = tmp_path / "film.gif"
    assert "zoo:darts-v2: not a run folder; a film (.gif) shows the epochs of a search" in error(
        "draw", "zoo:darts-v2", "-o", film
    )
    assert "cells.jpg: cannot tell the format" in error("draw", "zoo:darts-v2", "-o", tmp_path / "cells.jpg")
    assert not list(tmp_path.iterdir())
