"""``genocc passes``: the list as a table and as JSON."""

from __future__ import annotations

import json
import re

from typer.testing import CliRunner

from genocc.cli import app
from genocc.passes import PASSES
from genocc.targets import exporters


def test_command_lists_them() -> None:
    runner = CliRunner()
    listed = runner.invoke(app, ["passes"])
    assert listed.exit_code == 0
    rows = [line.split()[1] for line in listed.stdout.splitlines() if re.match(r"\s+\d+ ", line)]
    assert rows == list(PASSES)
    data = json.loads(runner.invoke(app, ["passes", "--json"]).stdout)
    assert [row["name"] for row in data] == list(PASSES)
    for row in data:
        step = PASSES[row["name"]]
        assert (row["training"], row["grows"], row["does"]) == (step.training, step.grows, step.summary)
        assert row["targets"] == [name for name, target in exporters().items() if step.name in target.passes]


def test_arguments_are_listed_with_their_defaults() -> None:
    runner = CliRunner()
    data = {row["name"]: row["arguments"] for row in json.loads(runner.invoke(app, ["passes", "--json"]).stdout)}
    assert data["pad-channels"] == {"block": 16, "lanes": 4, "growth": 1.2}
    assert data["merge-summed-chains"] == {"pixels": 16, "reach": 5}
    assert not any(found for name, found in data.items() if name not in ("pad-channels", "merge-summed-chains"))
    assert "block=16, lanes=4, growth=1.2" in runner.invoke(app, ["passes"]).stdout
