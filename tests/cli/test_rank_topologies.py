"""``genocc rank-topologies``: the options reach the ranking, and the ranking the table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from genocc.searchers.topologies import ranking
from genocc.searchers.topologies.result import RankedTopology, Ranking
from genocc.searchers.topologies.topologies import topologies
from tests.cli.commands import run


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the command asks for; the ranking that it gets has two topologies."""
    first, second = list(topologies())[:2]
    made = Ranking({}, (RankedTopology(first, 0.9, 0.95), RankedTopology(second, 0.8)), Path("runs/x/ranking.json"))
    seen: dict[str, Any] = {}

    def rank_topologies(out: Path | None, **options: Any) -> Ranking:
        seen.update(options, out=out)
        return made

    monkeypatch.setattr(ranking, "rank_topologies", rank_topologies)
    return seen


def test_the_table_has_the_best_first(asked: dict[str, Any]) -> None:
    result = run("rank-topologies")
    first, second = (
        line.split() for line in result.stdout.splitlines() if line.split()[:1] in (["1"], ["2"]) and "%" in line
    )
    assert first[2:4] == ["90.00%", "95.00%"]
    assert second[2:4] == ["80.00%", "-"]
    assert result.stdout.splitlines()[-1] == "runs/x/ranking.json"
    assert asked.pop("device") == "cpu"
    assert {value for name, value in asked.items() if name not in ("resume", "overrides", "progress")} == {None}
    assert asked["resume"] is False


def test_options_reach_the_ranking(asked: dict[str, Any]) -> None:
    numbers = ["--sample", 5, "--top", 2, "--validation", 0.5, "--workers", 3, "--seed", 4]
    engine = ["--engine", "local", "--engine-set", "local.gpus=none"]
    result = run("rank-topologies", "--out", "r", *numbers, *engine, "--set", "a=1", "--resume", "--json")
    assert (asked["out"], asked["sample"], asked["top"], asked["validation"]) == (Path("r"), 5, 2, 0.5)
    assert (asked["seed"], asked["overrides"], asked["resume"]) == (4, ["a=1"], True)
    assert (asked["engine"].name, asked["engine"].jobs, asked["engine"].settings.gpus) == ("local", 3, "none")
    assert [row["rank"] for row in json.loads(result.stdout)["topologies"]] == [1, 2]
