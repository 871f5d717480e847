"""Runs of one table are on the same images, and of the cells that a row names."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from genocc.errors import RunError
from genocc.experiments.comparable import check_comparable, incomparable
from genocc.experiments.driver import run_experiment
from genocc.experiments.plan import Plan
from genocc.experiments.sources import own_plan
from genocc.experiments.table import make_table
from tests.experiments.inline import Inline
from tests.experiments.own import own


@pytest.fixture
def copied(finished_experiment: tuple[Plan, Path], tmp_path: Path) -> Path:
    """The folder of a finished experiment, to change."""
    return Path(shutil.copytree(finished_experiment[1], tmp_path / "mine"))


def change(run: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    """Edits the config.json of a run."""
    content = json.loads((run / "config.json").read_text())
    edit(content)
    (run / "config.json").write_text(json.dumps(content))


def test_what_belongs_together_is_taken(copied: Path) -> None:
    check_comparable(own_plan(copied))
    check_comparable(own_plan(copied, data="fake"))
    shutil.rmtree(copied / "runs/random")
    check_comparable(own_plan(copied))


def test_images_that_have_changed_between_two_jobs_are_named(copied: Path) -> None:
    change(copied / "runs/random/seed-1/search", lambda content: content["known_data"]["train"].__setitem__(0, 7))
    with pytest.raises(RunError, match=r"^random/seed-1/search: was run on other images than darts/seed-0/search"):
        check_comparable(own_plan(copied))
    (copied / "runs/published/seed-0/train/last.safetensors").unlink()
    with pytest.raises(RunError, match="they have changed in between; begin the experiment anew in another --out"):
        run_experiment(own(), copied, engine := Inline(), resume=True)
    assert not engine.names, "before another job begins"


def test_another_data_set_is_refused_for_the_jobs_that_are_left(copied: Path) -> None:
    """The place of the data may change, and not what they are."""
    (copied / "runs/published/seed-0/train/last.safetensors").unlink()
    with pytest.raises(RunError, match=r"was run on data set 'fake', and --data names 'digits': one table cannot have"):
        run_experiment(own(), copied, engine := Inline(), data="digits", resume=True)
    assert not engine.names


def test_cells_of_a_row_that_have_changed_are_named(copied: Path) -> None:
    def edit(content: dict[str, Any]) -> None:
        content["config"]["genotype"]["cells"]["normal"]["concat"].reverse()

    change(copied / "runs/published/seed-0/train", edit)
    with pytest.raises(RunError, match=r"^published/seed-0/train: has trained other cells than zoo:darts-v2 has now"):
        check_comparable(own_plan(copied))


def put(copied: Path, source: str, place: str) -> None:
    """Puts a job's folder, or a seed's, in another one's place."""
    shutil.rmtree(copied / "runs" / place)
    shutil.copytree(copied / "runs" / source, copied / "runs" / place)


@pytest.mark.parametrize(
    ("source", "place", "expected"),
    [
        (
            "darts/seed-0",
            "darts/seed-1",
            {"search": r"has other settings .*: seed \(--seed\) is 0, not 1; put the job's"},
        ),
        ("darts/seed-1/train", "darts/seed-0/train", {"train": r": seed \(--seed\) is 1, not 0"}),
        ("random/seed-0/search", "darts/seed-0/search", {"search": r": method .*is \"random\", not \"darts\""}),
        (
            "darts/seed-0/train",
            "random/seed-0/train",
            {"train": r"has trained other cells than random/seed-0/search has"},
        ),
        ("epochs/seed-7/search", "darts/seed-0/search", {"search": r": seed \(--seed\) is 7, not 0"}),
    ],
)
def test_a_job_in_another_ones_place_is_named_and_in_no_table(
    copied: Path, source: str, place: str, expected: dict[str, str]
) -> None:
    before = make_table(own_plan(copied), {}).to_dict()
    put(copied, source, place)
    (kind, reason), *_ = expected.items()
    name = place if place.endswith(kind) else f"{place}/{kind}"
    found = incomparable(own_plan(copied))
    assert re.search(reason, found[name]), found
    with pytest.raises(RunError, match=f"^{name}: "):
        check_comparable(own_plan(copied))
    table = make_table(own_plan(copied), {}).to_dict()
    assert re.search(reason, table["failed"][name])
    rows = {row["name"].lower(): row["columns"] for row in table["rows"]}
    whole = {row["name"].lower(): row["columns"] for row in before["rows"]}
    row = place.partition("/")[0]
    assert len(rows[row]["error"]["values"]) == len(whole[row]["error"]["values"]) - 1
    assert all(rows[other] == whole[other] for other in whole if other != row)


def test_a_search_that_was_run_again_and_came_to_other_cells_is_named(copied: Path) -> None:
    shutil.rmtree(copied / "runs/darts/seed-1/search")
    check_comparable(own_plan(copied))  # it is to be run again
    genotype = json.loads((copied / "runs/random/seed-1/search/genotype.json").read_text())
    genotype["cells"]["normal"]["concat"].reverse()
    (copied / "runs/random/seed-1/search/genotype.json").write_text(json.dumps(genotype))
    line = json.loads((copied / "runs/random/seed-1/search/history.jsonl").read_text())
    line["genotype"]["cells"]["normal"]["concat"].reverse()
    (copied / "runs/random/seed-1/search/history.jsonl").write_text(json.dumps(line) + "\n")
    with pytest.raises(RunError, match=r"^random/seed-1/train: has trained other cells than random/seed-1/search has"):
        check_comparable(own_plan(copied))


def test_images_that_have_moved_cost_a_table_nothing(copied: Path) -> None:
    """A folder by its bare name means nothing in another working directory, nor when it is gone."""
    for config in copied.glob("runs/*/*/*/config.json"):
        change(config.parent, lambda content: content["config"]["data"].update(name="imagefolder", folder="photos"))
    plan = own_plan(copied)
    assert incomparable(replace(plan, data="photos")) == {}
    assert "published/seed-0/train" in incomparable(replace(plan, data="digits"))


def test_a_given_genotype_that_is_gone_costs_a_table_nothing(copied: Path) -> None:
    plan = own_plan(copied)
    rows = tuple(
        replace(row, row=row.row.model_copy(update={"genotype": "gone.json"})) if row.row.genotype else row
        for row in plan.rows
    )
    assert rows != plan.rows
    assert incomparable(replace(plan, rows=rows)) == {}


def test_seeds_of_a_row_have_one_configuration_also_where_the_experiment_does_not_state_it(copied: Path) -> None:
    change(
        copied / "runs/darts/seed-1/train",
        lambda content: content["config"]["optimizer"].__setitem__("learning_rate", 0.5),
    )
    with pytest.raises(
        RunError, match=r"^darts/seed-1/train: has other settings than darts/seed-0/train, .*optimizer.learning_rate is"
    ):
        check_comparable(own_plan(copied))


def test_a_folder_that_cannot_be_read_is_named_and_costs_the_others_nothing(copied: Path) -> None:
    (copied / "runs/random/seed-1/train/config.json").write_text("{")
    assert set(incomparable(own_plan(copied))) == {"random/seed-1/train"}
    with pytest.raises(RunError, match=r"^random/seed-1/train: .*config.json: not JSON"):
        check_comparable(own_plan(copied))
