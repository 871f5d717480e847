"""What is kept of an experiment makes its table, holds no weights, and can be gone on with."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.keep_results import main
from genocc.errors import GenoccError
from genocc.experiments.driver import run_experiment
from genocc.experiments.plan import Plan
from genocc.experiments.sources import own_plan
from genocc.experiments.table import make_table
from tests.experiments.inline import Inline
from tests.experiments.own import JOBS, own


def test_the_table_is_that_of_the_whole_folder(finished_experiment: tuple[Plan, Path], tmp_path: Path) -> None:
    plan, whole = finished_experiment
    kept = tmp_path / "kept"
    main(whole, kept)
    expected, found = make_table(plan, {}), make_table(own_plan(kept), {})
    assert (found.cells, found.seconds, found.failed) == (expected.cells, expected.seconds, {})
    sizes = {path.relative_to(kept): path.stat().st_size for path in kept.rglob("*") if path.is_file()}
    assert {size for path, size in sizes.items() if path.suffix == ".safetensors"} == {0}
    assert not [path for path in sizes if path.suffix in (".pt", ".txt", ".log")]
    run_experiment(own(), kept, engine := Inline(), resume=True)
    assert not engine.names, "nothing is run again"


def test_what_has_not_ended_is_left_out_and_run_later(finished_experiment: tuple[Plan, Path], tmp_path: Path) -> None:
    part = Path(shutil.copytree(finished_experiment[1], tmp_path / "part"))
    (part / "runs/published/seed-0/train/last.safetensors").unlink()
    kept = tmp_path / "kept"
    main(part, kept)
    assert not (kept / "runs/published/seed-0/train").exists()
    assert len([step for step in own_plan(kept).steps if step.done]) == JOBS - 1
    main(finished_experiment[1], kept)
    assert all(step.done for step in own_plan(kept).steps)


def test_another_folder_is_not_replaced(finished_experiment: tuple[Plan, Path], tmp_path: Path) -> None:
    whole = Path(shutil.copytree(finished_experiment[1], tmp_path / "whole"))
    with pytest.raises(GenoccError, match=r"whole: is no kept experiment; name a new folder$"):
        main(finished_experiment[1], whole)
    with pytest.raises(GenoccError, match=r"whole: is what is to be kept; name another folder$"):
        main(whole, whole)
    assert list(whole.rglob("checkpoint"))
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(GenoccError, match=r": is no kept experiment; name a new folder$"):
        main(finished_experiment[1], tmp_path)
    assert (tmp_path / "mine.txt").exists()
