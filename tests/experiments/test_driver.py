"""An experiment is run, stopped, killed and resumed; what is done is not done again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from genocc.errors import RunError
from genocc.experiments.driver import failures, run_experiment
from genocc.experiments.plan import Plan
from genocc.runs.reading import read_history
from tests.experiments.inline import Inline
from tests.experiments.own import JOBS, own

ONE = (
    ("seeds = 2", "seeds = 1"),
    ('[[row]]\nname = "epochs"\nseeds = [7]\ntrain.at = 2\n', ""),
    ('[[row]]\nname = "random"\nsearch.method = "random"\n', ""),
)
"""Changes that leave a search, the training of its result, and that of a published cell."""


def test_everything_is_run_each_training_right_after_its_search(finished: tuple[Plan, Path]) -> None:
    plan, out = finished
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
    assert engine.ran == ["darts/seed-0/search", "darts/seed-0/train"]
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
    assert engine.ran == ["darts/seed-0/search", "darts/seed-0/train", "published/seed-0/train"]
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
    finished: tuple[Plan, Path], changes: tuple[tuple[str, str], ...], scale: str | None, message: str
) -> None:
    with pytest.raises(RunError) as caught:
        run_experiment(own(*changes), finished[1], Inline(), scale=scale, resume=True)
    assert message in str(caught.value)


def test_columns_may_change_and_nothing_is_run_again(finished: tuple[Plan, Path]) -> None:
    changed, engine = own(('unit = "error"', 'unit = "%"')), Inline()
    run_experiment(changed, finished[1], engine, resume=True)
    assert engine.ran == []
    assert (finished[1] / "experiment.toml").read_text() == changed.text
    run_experiment(own(), finished[1], engine, resume=True)


def test_a_folder_is_not_begun_twice(finished: tuple[Plan, Path]) -> None:
    with pytest.raises(RunError, match="has a run in it; go on with --resume"):
        run_experiment(own(), finished[1], Inline())
