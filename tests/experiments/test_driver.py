"""An experiment is run, stopped, killed and resumed; what is done is not done again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from genocc.engines.base import engine_type
from genocc.errors import RunError
from genocc.experiments.driver import failures, run_experiment
from genocc.experiments.plan import Plan
from genocc.experiments.rendering import write
from genocc.experiments.sources import read_source, shipped
from genocc.experiments.table import make_table
from genocc.runs.reading import read_history
from tests.engines.jobs import until
from tests.experiments.inline import Inline
from tests.experiments.own import JOBS, ONE, own


def test_everything_is_run_each_training_right_after_its_search(finished_experiment: tuple[Plan, Path]) -> None:
    plan, out = finished_experiment
    assert all(step.done for step in plan.steps)
    names = [line["job"] for line in read_history(out)]
    assert len(names) == JOBS
    for step in plan.steps:
        assert step.after is None or names.index(step.after) < names.index(step.name)
    assert names.index("darts/seed-0/train") < names.index("random/seed-0/search")
    assert (out / "experiment.toml").read_text() == own().text


def test_what_fails_is_reported_and_the_others_go_on(tmp_path: Path) -> None:
    plan = run_experiment(own(*ONE), tmp_path / "x", Inline("darts/seed-0/search"))
    assert failures(plan, tmp_path / "x") == {
        "darts/seed-0/search": "as the test asks",
        "darts/seed-0/train": "not begun, since darts/seed-0/search has failed",
    }
    assert [step.done for step in plan.steps] == [False, False, True]
    engine = Inline()
    again = run_experiment(own(*ONE), tmp_path / "x", engine, resume=True)
    assert engine.names == ["darts/seed-0/search", "darts/seed-0/train"]
    assert not failures(again, tmp_path / "x")


def test_a_run_that_was_killed_goes_on_in_its_folder(tmp_path: Path) -> None:
    """A driver that was killed has written nothing of a job; half a line is left, and a search without a result."""
    out = tmp_path / "x"
    run_experiment(own(*ONE), out, Inline("train"))
    (out / "runs/darts/seed-0/search/genotype.json").unlink()
    with (out / "history.jsonl").open("a") as stream:
        stream.write('{"job": "darts/se')
    engine = Inline()
    run_experiment(own(*ONE), out, engine, resume=True)
    assert engine.names == ["darts/seed-0/search", "darts/seed-0/train", "published/seed-0/train"]
    assert all(json.loads(line)["ok"] for line in (out / "history.jsonl").read_text().splitlines()[-3:])
    assert "finished" in (out / "runs/darts/seed-0/search/log.txt").read_text()


@pytest.mark.parametrize(
    ("changes", "scale", "message"),
    [
        ((("epochs = 3", "epochs = 4"),), None, "rows.DARTS.search.epochs is 3, not 4"),
        ((('method = "darts"', 'method = "gdas"'),), None, 'rows.DARTS.search.method is "darts", not "gdas"'),
        ((("schedule.batch_size = 20", "schedule.batch_size = 10"),), None, "schedule.batch_size is 20, not 10"),
        ((('name = "published"', 'name = "publishd"'),), None, "rows.published is {"),
        ((), "large", 'scale is "tiny", not "large"'),
    ],
)
def test_other_jobs_than_those_that_were_begun_are_refused(
    finished_experiment: tuple[Plan, Path], changes: tuple[tuple[str, str], ...], scale: str | None, message: str
) -> None:
    with pytest.raises(RunError) as caught:
        run_experiment(own(*changes), finished_experiment[1], Inline(), scale=scale, resume=True)
    assert message in str(caught.value)


def test_columns_may_change_and_nothing_is_run_again(finished_experiment: tuple[Plan, Path]) -> None:
    changed, engine = own(('unit = "error"', 'unit = "%"')), Inline()
    run_experiment(changed, finished_experiment[1], engine, resume=True)
    assert engine.names == []
    assert (finished_experiment[1] / "experiment.toml").read_text() == changed.text
    run_experiment(own(), finished_experiment[1], engine, resume=True)


def test_a_folder_is_not_begun_twice(finished_experiment: tuple[Plan, Path]) -> None:
    with pytest.raises(RunError, match="has a run in it; go on with --resume"):
        run_experiment(own(), finished_experiment[1], Inline())


IN_DEFAULT = ("paper:edarts-table-3",)
SHIPPED = [pytest.param(name, marks=[] if name in IN_DEFAULT else pytest.mark.full) for name in shipped()]


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_experiments_at_tiny(name: str, tmp_path: Path) -> None:
    """Every job ends, every row has what its columns ask for, and the figure can be drawn."""
    source = read_source(name)
    plan = run_experiment(source, tmp_path / "x", Inline())
    assert not failures(plan, tmp_path / "x")
    table = make_table(plan, {})
    assert not table.failed
    for row, cells in table.cells.items():
        assert any(cell.shown is not None for cell in cells.values()), row
        for column, cell in cells.items():
            needless = "random" in row or "memory" in column or column.startswith("tau")
            assert cell.shown is not None or needless or column == "super-net", (row, column)
            assert len(cell.values) in (0, cell.expected)
    if source.experiment.figure:
        write(table, tmp_path / "f.svg", tmp_path / "x")


def genocc(*arguments: object) -> list[str]:
    return [sys.executable, "-P", "-m", "genocc", "experiment", *map(str, arguments)]


@pytest.mark.full
def test_a_driver_that_is_killed_loses_nothing(finished_experiment: tuple[Plan, Path], tmp_path: Path) -> None:
    """Killed within a search, then interrupted, it ends with the runs of one that was not."""
    (tmp_path / "my.toml").write_text(own(*ONE).text)
    out = tmp_path / "x"
    process = subprocess.Popen(genocc(tmp_path / "my.toml", "--out", out, "--jobs", 1))
    until((out / "runs/darts/seed-0/search/history.jsonl").exists, 120)
    process.kill()
    process.wait()
    process = subprocess.Popen(genocc(out, "--resume", "--jobs", 1))
    until((out / "runs/darts/seed-0/train/config.json").exists, 120)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    done = subprocess.run(genocc(out, "--resume", "--json"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["done"] == 3
    for name in ("darts/seed-0/search", "darts/seed-0/train", "published/seed-0/train"):
        assert same_epochs(out / "runs" / name) == same_epochs(finished_experiment[1] / "runs" / name)
    jobs = [line["job"] for line in read_history(out)]
    assert sorted(jobs) == ["darts/seed-0/search", "darts/seed-0/train", "published/seed-0/train"]


def same_epochs(run: Path) -> list[dict[str, Any]]:
    """The history without what a clock decides."""
    clocks = ("seconds", "images_per_second", "costs")
    return [{name: value for name, value in line.items() if name not in clocks} for line in read_history(run)]


@pytest.mark.full
def test_a_changed_copy_gives_the_same_table_on_two_engines(tmp_path: Path) -> None:
    """The way of a user: a copy, another method, two engines."""
    mine = tmp_path / "my.toml"
    mine.write_text(own(*ONE, ('method = "darts"', 'method = "entrannas"')).text)
    tables = []
    for name, settings in (("local", ()), ("slurm", ("--engine-set", "slurm.cluster=local"))):
        if reason := engine_type(name).lacks():
            pytest.skip(reason)
        command = genocc(mine, "--out", tmp_path / name, "--engine", name, "--jobs", 2, *settings, "--json")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        tables.append((found["rows"], found["done"], found["failed"]))
    assert tables[0] == tables[1]
