"""The benchmark of budgets: its experiment is valid, and its rows differ in the budget alone."""

from __future__ import annotations

from pathlib import Path

import latency_budget as benchmark

from genocc.experiments.check import check
from genocc.experiments.model import Experiment
from genocc.experiments.plan import plan
from tests.latency.synthetic import synthetic_profile


def test_the_rows_differ_in_the_budget_alone(tmp_path: Path) -> None:
    file = tmp_path / "profile.json"
    synthetic_profile().dump(file)
    limits = benchmark._budgets(tmp_path / "budgets.json", synthetic_profile(), 4)
    assert benchmark._budgets(tmp_path / "budgets.json", synthetic_profile(), 4) == limits, "kept"
    text = benchmark._experiment(file, limits)
    found = plan(Experiment.parse(text, "here"), "small", tmp_path / "out")
    check(found, "here")
    assert [row.row.name for row in found.rows] == ["latency-0.1", "macs-0.1", "latency-0.3", "macs-0.3"]
    for by_latency, by_macs in zip(found.rows[::2], found.rows[1::2], strict=True):
        ours, theirs = (row.settings()["search"]["set"] for row in (by_latency, by_macs))
        different = {name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)}
        assert different == {
            "budget.max_latency", "budget.max_macs", "penalties.latency.factor", "penalties.macs.factor"
        }  # fmt: skip
        assert ours["budget.max_latency"] == limits["latency"]
