"""Where an experiment is read from."""

from __future__ import annotations

from pathlib import Path

import pytest

from genocc.errors import ConfigError, FileError, RunError
from genocc.experiments.plan import Plan
from genocc.experiments.sources import own_plan, read_source, shipped
from tests.experiments.own import OWN, own

TABLES = {
    "paper:ec-darts-figure-1", "paper:ec-darts-table-4", "paper:edarts-table-2", "paper:edarts-table-3",
    "paper:entrannas-table-1", "paper:entrannas-table-2", "paper:entrannas-table-3", "paper:entrannas-table-4",
    "paper:entrannas-table-6", "paper:pc-darts-table-3", "paper:pc-darts-table-4", "genocc:baselines",
}  # fmt: skip


def test_the_papers_tables_come_with_genocc() -> None:
    assert set(shipped()) >= TABLES


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_experiment_says_what_it_is_about(name: str) -> None:
    experiment = read_source(name).experiment
    assert experiment.claim
    assert experiment.source or name.startswith("genocc:")
    rows = {row.name for row in experiment.rows}
    assert any("random" in row for row in rows) or "Random cells" in " ".join(experiment.notes)
    assert any(row.paper for row in experiment.rows) or name.startswith("genocc:")


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(OWN)
    found = read_source(str(tmp_path / "my.toml"))
    assert (found.text, found.folder, len(found.experiment.rows)) == (OWN, None, 4)


def test_the_folder_in_which_it_was_begun(finished_experiment: tuple[Plan, Path]) -> None:
    found = read_source(str(finished_experiment[1]))
    assert (found.text, found.folder) == (OWN, finished_experiment[1])
    assert own_plan(finished_experiment[1]).steps == finished_experiment[0].steps


def test_a_copy_that_was_changed_is_refused(finished_experiment: tuple[Plan, Path]) -> None:
    with pytest.raises(RunError, match=r"rows\.DARTS\.seeds is \[0, 1\], not \[0, 1, 2\]"):
        own_plan(finished_experiment[1], own(("seeds = 2", "seeds = 3")))
    with pytest.raises(RunError, match=r"was begun at scale tiny, which my\.toml lacks"):
        own_plan(finished_experiment[1], own(("[scale.tiny", "[scale.tinier")))


def test_names_that_mean_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="paper:ec-darts-table-5: did you mean 'paper:ec-darts-table-4'"):
        read_source("paper:ec-darts-table-5")
    with pytest.raises(FileError, match="no such file"):
        read_source(str(tmp_path / "none.toml"))
    with pytest.raises(RunError, match="no run in it"):
        read_source(str(tmp_path))
