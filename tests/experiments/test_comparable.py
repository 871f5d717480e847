"""Runs of one table are on the same images, and of the cells that a row names."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from genocc.errors import RunError
from genocc.experiments.comparable import check_comparable
from genocc.experiments.driver import run_experiment
from genocc.experiments.plan import Plan
from genocc.experiments.sources import own_plan
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
