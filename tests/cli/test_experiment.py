"""`genocc experiment`: a user's path from the list to a table."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import pytest

from genocc.experiments.plan import Plan
from genocc.experiments.sources import read_source
from tests.cli.commands import error, run
from tests.experiments.inline import Inline
from tests.experiments.own import ONE, OWN, own


@pytest.fixture
def inline(monkeypatch: pytest.MonkeyPatch) -> Inline:
    engine = Inline()
    module = import_module("genocc.cli.experiment")  # whose name in the package is the command's
    monkeypatch.setattr(module, "chosen_engine", lambda name, jobs, settings: engine)
    return engine


def test_the_list() -> None:
    said = run("experiment").stdout
    assert said == run("experiment", "--list").stdout
    assert "paper:entrannas-table-1\n  EnTranNAS, Table 1: " in said
    assert "  Claim: With all cells, or half of them, as engine cells" in said
    found = {one["name"]: one for one in json.loads(run("experiment", "--json").stdout)["experiments"]}
    assert found["paper:edarts-table-3"]["jobs"]["paper"] == 60


def test_a_copy_that_was_changed_is_run_and_printed(tmp_path: Path, inline: Inline) -> None:
    """Copied, one method exchanged, run, and put out as a table."""
    mine = tmp_path / "my.toml"
    assert run("experiment", "paper:edarts-table-3", "--write", mine).exit_code == 0
    text = mine.read_text()
    assert text == read_source("paper:edarts-table-3").text
    for genotype in ("darts-v1", "darts-v2", "pdarts"):
        start = text.index("[[row]]")
        text = text[:start] + text[text.index("[[row]]", start + 1) :]
        assert f"zoo:{genotype}" not in text
    mine.write_text(text.replace('genotype = "zoo:pc-darts-cifar"', 'search.method = "gdas"'))
    result = run("experiment", mine, "--out", tmp_path / "x", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["rows"][0]["columns"]["trained"]["paper"] == 93.0
    assert inline.names == [f"{row}/seed-0/{kind}" for row in ("pc-darts", "random") for kind in ("search", "train")]
    config = json.loads((tmp_path / "x/runs/pc-darts/seed-0/search/config.json").read_text())
    assert config["config"]["method"] == "gdas"
    assert "4 of 4 jobs done" in run("experiment", tmp_path / "x", "--table").stdout


def test_the_table_of_a_folder(finished_experiment: tuple[Plan, Path], tmp_path: Path) -> None:
    said = run("experiment", finished_experiment[1], "--table", "-o", tmp_path / "t.md").stdout
    assert said.startswith("My comparison\n")
    assert "DARTS beats chance." in said
    assert (tmp_path / "t.md").read_text().startswith("# My comparison\n")
    found = json.loads(run("experiment", "--out", finished_experiment[1], "--table", "--json").stdout)
    assert (found["done"], found["jobs"]) == (12, 12)


def test_a_failure_gives_exit_code_1(tmp_path: Path, inline: Inline) -> None:
    inline.failing = ("published",)
    (tmp_path / "my.toml").write_text(own(*ONE).text)
    result = run("experiment", tmp_path / "my.toml", "--out", tmp_path / "x")
    assert result.exit_code == 1
    assert "Failed: published/seed-0/train: as the test asks" in result.stdout
    inline.failing = ()
    assert run("experiment", tmp_path / "x", "--resume").exit_code == 0
    assert inline.names[-1] == "published/seed-0/train"


def test_wrong_uses_are_one_line(finished_experiment: tuple[Plan, Path], tmp_path: Path) -> None:
    out = finished_experiment[1]
    (tmp_path / "my.toml").write_text(OWN)
    for arguments, message in (
        ((out,), "has an experiment in it; go on with --resume, or print it with --table"),
        ((out, "--out", tmp_path), "has its own folder; leave --out out"),
        (("--resume",), "expected an EXPERIMENT, or the --out of one"),
        (("paper:edarts-table-3", "--table"), "name the folder in which it was run"),
        (("paper:edarts-table-3", "--resume"), "name the folder in which it was run"),
        (("paper:edarts-table-3", "-o", "t.md"), "goes with --table"),
        (("paper:edarts-table-3", "--write", tmp_path / "my.toml"), "is there already"),
        ((tmp_path / "my.toml", "--scale", "huge"), "--scale huge: expected one of tiny, large"),
        ((out, "--table", "--scale", "large"), f"--scale large: {out} was begun at scale tiny; leave --scale out"),
        ((out, "--table", "-o", tmp_path / "t.txt"), "expected a .md or .csv file"),
    ):
        assert message in error("experiment", *arguments)
