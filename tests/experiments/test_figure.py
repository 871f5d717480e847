"""The figure of an experiment."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from genocc.errors import ConfigError
from genocc.experiments.figure import points, write_figure
from genocc.experiments.model import Column
from genocc.experiments.plan import Plan
from genocc.experiments.table import Table, make_table


def test_a_point_per_search_and_training(finished_experiment: tuple[Plan, Path], tmp_path: Path) -> None:
    table = make_table(finished_experiment[0], {})
    write_figure(table, tmp_path / "f.svg")
    text = (tmp_path / "f.svg").read_text()
    for said in ("My comparison", "super-net (%)", "error (%)", "DARTS: 2 points", "random: 0 points"):
        assert said in text
    columns = {column.name: column for column in table.columns}
    found = points(table, "DARTS", columns["super-net"], columns["error"])
    cells = table.cells["DARTS"]
    assert found == list(zip(cells["super-net"].values, cells["error"].values, strict=True))
    write_figure(table, tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_text() == text


def test_other_formats(finished_experiment: tuple[Plan, Path], tmp_path: Path) -> None:
    table = make_table(finished_experiment[0], {})
    write_figure(table, tmp_path / "f.png")
    write_figure(table, tmp_path / "f.pdf")
    assert (tmp_path / "f.png").read_bytes().startswith(b"\x89PNG")
    assert re.match(rb"%PDF", (tmp_path / "f.pdf").read_bytes())


def test_an_experiment_without_one_says_so(finished_experiment: tuple[Plan, Path], tmp_path: Path) -> None:
    table = make_table(finished_experiment[0], {})
    without = replace(
        table, plan=replace(table.plan, experiment=table.plan.experiment.model_copy(update={"figure": None}))
    )
    with pytest.raises(ConfigError, match=r"the experiment has no \[figure\]"):
        write_figure(without, tmp_path / "f.svg")


def test_a_point_of_a_difference_is_the_difference() -> None:
    """Only the table's points are read."""
    table = cast("Table", SimpleNamespace(points={"a": [{"train.best": 0.9, "train.last": 0.6}, None]}))
    drop = Column(name="drop", value="train.best", minus="train.last", unit="%")
    last = Column(name="last", value="train.last", unit="%")
    assert points(table, "a", drop, last) == [pytest.approx((30.0, 60.0))]
