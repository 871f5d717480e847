"""The table: means, deviations and Kendall's tau as computed by hand, of made-up numbers and of runs."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean, stdev

import pytest

from genocc.experiments.model import Column
from genocc.experiments.plan import Plan, RowPlan
from genocc.experiments.table import cell, make_table
from genocc.experiments.values import VALUES
from genocc.runs.reading import read_history
from tests.experiments.own import JOBS, own


def row(name: str = "DARTS") -> RowPlan:
    """A row of the own experiment, at a scale with five seeds."""
    return next(row for row in own().plan("large", Path("x")).rows if row.row.name == name)


def numbers(**values: float) -> dict[str, float | None]:
    return {name: values.get(name.replace(".", "_")) for name in VALUES}


def test_mean_and_deviation_over_the_seeds_that_are_there() -> None:
    points = [numbers(train_last=0.9), None, numbers(train_last=0.94), numbers(), None]
    found = cell(row(), Column(name="error", value="train.last", unit="error"), points)
    assert found.values == pytest.approx((10.0, 6.0))
    assert found.shown == pytest.approx(8.0)
    assert found.deviation == pytest.approx(8**0.5)
    assert (found.text(), found.paper_text()) == ("8.00 ± 2.83 (2 of 5)", "3 ± 0.14")


def test_one_value_has_no_deviation_and_none_is_a_dash() -> None:
    column = Column(name="super-net", value="search.validation_accuracy", unit="%")
    assert cell(row("published"), column, [numbers(search_validation_accuracy=0.5)]).text() == "50.00 (1)"
    none = cell(row(), column, [None] * 5)
    assert (none.text(), none.paper_text(), none.shown) == ("-", "88.3", None)


@pytest.mark.parametrize(
    ("over", "shown"), [("sum", "12.0 (3 of 5)"), ("min", "3.0 (3 of 5)"), ("max", "5.0 (3 of 5)")]
)
def test_sum_least_and_greatest(over: str, shown: str) -> None:
    column = Column.model_validate({"name": "a", "value": "search.skips.normal", "unit": "count", "over": over})
    points: list[dict[str, float | None] | None] = [numbers(search_skips_normal=value) for value in (4, 3, 5)]
    points += [None, None]
    assert cell(row(), column, points).text() == shown


def test_a_difference_needs_both() -> None:
    column = Column(name="a", value="search.validation_accuracy", minus="search.child_accuracy", unit="%")
    points = [
        numbers(search_validation_accuracy=0.9, search_child_accuracy=0.65),
        numbers(search_validation_accuracy=0.9),
    ]
    assert cell(row(), column, points).values == pytest.approx((25.0,))


def test_tau_is_over_the_seeds_of_a_row() -> None:
    """Of the six pairs of four seeds, five agree: (5 - 1) / 6."""
    column = Column(name="tau", kendall=("search.validation_accuracy", "train.last"))
    pairs = [(0.1, 0.2), (0.2, 0.4), (0.3, 0.3), (0.4, 0.5)]
    points = [numbers(search_validation_accuracy=x, train_last=y) for x, y in pairs]
    found = cell(row(), column, [*points, None])
    assert found.values == pytest.approx((2 / 3,))
    assert (found.expected, found.text()) == (1, "0.67 (1; 4 of 5 points)")
    assert cell(row(), column, points[:1]).values == ()
    assert cell(row(), column, [*points, numbers(search_validation_accuracy=0.5, train_last=0.6)]).text() == "0.80 (1)"


def test_tau_over_epochs_is_one_value_per_seed() -> None:
    of_epochs = next(
        row for row in own(("seeds = [7]", "seeds = 2")).plan("tiny", Path("x")).rows if row.row.name == "epochs"
    )
    column = Column(name="tau", kendall=("search.validation_accuracy", "train.last"))
    pairs = [(0.1, 0.2), (0.2, 0.4), (0.3, 0.3), (0.4, 0.1)]
    points = [numbers(search_validation_accuracy=x, train_last=y) for x, y in pairs]
    found = cell(of_epochs, column, points)
    assert (found.values, found.shown, found.expected) == ((1.0, -1.0), 0.0, 2)


def test_costs_of_a_search_count_once_however_many_of_its_epochs_are_trained() -> None:
    of_epochs = next(
        row for row in own(("seeds = [7]", "seeds = 2")).plan("tiny", Path("x")).rows if row.row.name == "epochs"
    )
    column = Column.model_validate({"name": "a", "value": "search.seconds", "unit": "s", "over": "sum"})
    points = [numbers(search_seconds=seconds, train_seconds=1.0) for seconds in (30, 30, 50)]
    assert cell(of_epochs, column, [*points, None]).text() == "80.0 (2)"
    assert (
        cell(of_epochs, column.model_copy(update={"value": "train.seconds"}), [*points, None]).text() == "3.0 (3 of 4)"
    )


def test_the_table_says_what_the_run_folders_say(finished_experiment: tuple[Plan, Path]) -> None:
    plan, out = finished_experiment
    table = make_table(plan, {})
    runs = [out / f"runs/darts/seed-{seed}" for seed in (0, 1)]
    searches = [read_history(run / "search")[-1] for run in runs]
    errors = [100 * (1 - read_history(run / "train")[-1]["test"]["top1"]) for run in runs]
    cells = table.cells["DARTS"]
    assert cells["super-net"].values == pytest.approx([100 * line["validation_accuracy"] for line in searches])
    assert (cells["error"].shown, cells["error"].deviation) == pytest.approx((mean(errors), stdev(errors)))
    assert cells["skips"].shown == sum(line["skip_connections"]["normal"] for line in searches)
    assert table.cells["random"]["super-net"].shown is None
    assert table.cells["published"]["error"].expected == 1
    of_epoch = plan.rows[1].points[0]
    assert of_epoch.epoch is not None
    line = read_history(out / "runs/epochs/seed-7/search")[of_epoch.epoch - 1]
    assert table.points["epochs"][0] is not None
    assert table.points["epochs"][0]["search.validation_accuracy"] == line["validation_accuracy"]
    assert (table.done, len(plan.steps)) == (JOBS, JOBS)
    assert table.seconds > 0
    data = json.loads(json.dumps(table.to_dict()))
    assert data["rows"][0]["columns"]["error"]["paper_deviation"] == 0.14


def test_a_folder_that_cannot_be_read_is_among_the_failed(tmp_path: Path) -> None:
    plan = own().plan("tiny", tmp_path)
    broken = next(step for step in plan.steps if step.name == "darts/seed-0/search")
    broken.folder.mkdir(parents=True)
    (broken.folder / "genotype.json").write_text("{}")
    table = make_table(plan, {"random/seed-0/search": "no memory"})
    assert table.failed.keys() == {"random/seed-0/search", "darts/seed-0/search"}
    assert table.cells["DARTS"]["super-net"].text() == "-"
