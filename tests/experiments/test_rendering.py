"""A table as Markdown and CSV, and what stands under it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from genocc.errors import ConfigError, FileError
from genocc.experiments.plan import Plan
from genocc.experiments.rendering import comma_separated, markdown, write
from genocc.experiments.table import make_table


def test_markdown(finished_experiment: tuple[Plan, Path]) -> None:
    table = make_table(finished_experiment[0], {"random/seed-0/train": "no | memory"})
    page = markdown(table)
    header, line, *rows = [line for line in page.splitlines() if line.startswith("|")]
    assert header == "| method | super-net (%) | paper | drop (%) | error (%) | paper | skips | tau |"
    assert line == "|---|---:|---:|---:|---:|---:|---:|---:|"
    assert [row.split(" | ")[0] for row in rows] == ["| DARTS", "| epochs", "| random", "| published"]
    error = table.cells["DARTS"]["error"]
    assert f"| {error.text()} | 3 ± 0.14 |" in rows[0]
    for said in ("**Claim:** DARTS beats chance.", "My paper, Table 1.", "- Small.", "12 of 12 jobs done, 1 failed"):
        assert said in page
    assert "- Failed: `random/seed-0/train`: no | memory" in page
    assert "# DARTS: seeds 0, 1\ngenocc search --method darts --preset quick --data fake --epochs 3 --seed 0" in page
    assert "\ngenocc train runs/darts/seed-0/search --preset quick" in page
    assert str(finished_experiment[1]) not in page


def test_csv(finished_experiment: tuple[Plan, Path]) -> None:
    table = make_table(finished_experiment[0], {})
    rows = list(csv.DictReader(comma_separated(table).splitlines()))
    assert [row["row"] for row in rows] == ["DARTS", "epochs", "random", "published"]
    error = table.cells["DARTS"]["error"]
    assert float(rows[0]["error"]) == error.shown
    assert float(rows[0]["error_deviation"]) == error.deviation
    assert (rows[0]["error_n"], rows[0]["error_paper"], rows[0]["error_paper_deviation"]) == ("2", "3.0", "0.14")
    assert (rows[2]["super-net"], rows[2]["super-net_n"]) == ("", "0")


def test_files_by_their_suffix(finished_experiment: tuple[Plan, Path], tmp_path: Path) -> None:
    table = make_table(finished_experiment[0], {})
    write(table, tmp_path / "t.md", finished_experiment[1])
    write(table, tmp_path / "t.csv", finished_experiment[1])
    assert (tmp_path / "t.md").read_text() == markdown(table)
    assert (tmp_path / "t.csv").read_text() == comma_separated(table)
    with pytest.raises(ConfigError, match=r"t\.txt: expected a \.md or \.csv file, or a figure"):
        write(table, tmp_path / "t.txt", finished_experiment[1])
    with pytest.raises(FileError, match="is a file of the run in"):
        write(table, finished_experiment[1] / "history.jsonl", finished_experiment[1])
