"""The jobs of an experiment: which settings win, what they are called, and which waits for which."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from genocc.errors import ConfigError
from genocc.experiments.plan import Plan, _folders, overrides
from tests.experiments.own import JOBS, own

OUT = Path("/somewhere/mine")


def planned(*changes: tuple[str, str], scale: str = "tiny") -> Plan:
    return own(*changes).plan(scale, OUT)


def test_the_jobs_of_a_row() -> None:
    steps = {step.name: step for step in planned().steps}
    assert len(steps) == JOBS
    search, train = steps["darts/seed-1/search"], steps["darts/seed-1/train"]
    assert search.folder == OUT / "runs/darts/seed-1/search"
    assert search.arguments[:9] == (
        "search",
        "--method",
        "darts",
        "--preset",
        "quick",
        "--data",
        "fake",
        "--epochs",
        "3",
    )
    assert search.arguments[9:13] == ("--seed", "1", "--out", str(search.folder))
    assert search.arguments[13:15] == ("--set", "data.size=8")
    assert train.arguments[:4] == ("train", str(search.folder), "--preset", "quick")
    assert (search.after, train.after) == (None, search.name)
    published = steps["published/seed-0/train"]
    assert (published.arguments[1], published.after) == ("zoo:darts-v2", None)


def test_one_seed_of_all_rows_comes_before_the_next_of_any() -> None:
    names = [step.name for step in planned().steps]
    places = [name.split("/")[:2] for name in names]
    second = next(number for number, (_, seed) in enumerate(places) if seed == "seed-1")
    assert {row for row, _ in places[:second]} == {row for row, _ in places}
    for name in names:
        row, seed, kind = name.split("/")
        if kind.startswith("train") and row != "published":
            assert names.index(f"{row}/{seed}/search") < names.index(name)


def test_epochs_of_a_search_are_trained_each() -> None:
    """Which ones is a function of the seed."""
    names = [step.name for step in planned().steps if step.name.startswith("epochs/")]
    assert names[0] == "epochs/seed-7/search"
    chosen = sorted(int(name.rpartition("-")[2]) for name in names[1:])
    assert len(set(chosen)) == 2
    assert set(chosen) <= {1, 2, 3}
    training = next(step for step in planned().steps if step.name == names[1])
    assert training.arguments[1] == f"{OUT}/runs/epochs/seed-7/search@{names[1].rpartition('-')[2]}"
    assert names == [step.name for step in planned().steps if step.name.startswith("epochs/")]


def test_the_later_of_experiment_scale_row_and_its_scale_wins() -> None:
    row = 'name = "random"\nsearch.set.data.training = 30\nscale.tiny.search.set.data.validation = 31'
    changes = [
        ('name = "random"', row),
        ('method = "darts"', 'method = "darts"\nset = { data.size = 9, data.padding = 1 }'),
    ]
    found = planned(*changes).rows[2].search
    assert found is not None
    assert {name: found.settings[name] for name in ("data.padding", "data.size")} == {"data.padding": 1, "data.size": 8}
    assert (found.settings["data.training"], found.settings["data.validation"]) == (30, 31)
    assert list(found.settings)[-1] == "data.validation"
    assert (found.method, found.epochs) == ("random", 3)


def test_seeds_of_a_row_win_over_those_of_a_scale() -> None:
    assert [row.seeds for row in planned(scale="large").rows] == [tuple(range(5)), (7,), tuple(range(5)), (0,)]


def test_folders_of_rows_are_distinct() -> None:
    found = planned(('name = "random"', 'name = "Darts!"'), ('name = "published"', 'name = "±"'))
    assert [row.points[0].training.name.partition("/")[0] for row in found.rows if row.points[0].training] == [
        "darts", "epochs", "darts-2", "row",
    ]  # fmt: skip


def test_folders_of_rows_do_not_depend_on_their_order() -> None:
    """A file whose rows have changed places is resumed: its settings are the same."""
    names = ["EnTranNAS*", "EnTranNAS", "entrannas", "PC-DARTS"]
    found = dict(zip(names, _folders(names), strict=True))
    assert sorted(found.values()) == ["entrannas", "entrannas-2", "entrannas-3", "pc-darts"]
    for order in permutations(names):
        assert dict(zip(order, _folders(list(order)), strict=True)) == found


def test_other_images_for_all_jobs_do_not_change_what_the_experiment_is() -> None:
    moved = own().plan("tiny", OUT, "/data/cifar")
    assert all("/data/cifar" in step.arguments for step in moved.steps)
    assert moved.settings()["rows"] == planned().settings()["rows"]


@pytest.mark.parametrize(
    ("changes", "scale", "message"),
    [
        ((), "tinny", "my.toml: --scale tinny: did you mean 'tiny'?"),
        ((('[search]\nmethod = "darts"\n', ""),), "tiny", "my.toml: row 'DARTS', scale tiny: search.method is missing"),
        ((("epochs = 3\n", ""),), "tiny", "my.toml: row 'epochs', scale tiny: train.at chooses among the epochs"),
        ((("train.at = 2", "train.at = 4"),), "tiny", "my.toml: row 'epochs', scale tiny: train.at=4 of 3 epochs"),
    ],
)
def test_what_cannot_be_done_is_said(changes: tuple[tuple[str, str], ...], scale: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        planned(*changes, scale=scale)
    assert str(caught.value).startswith(message)


def test_a_genotype_that_nothing_trains_is_refused() -> None:
    text = own().text
    train = text[text.index("[scale.tiny.train]") : text.index("[scale.large]")]
    with pytest.raises(ConfigError, match="row 'published', scale tiny: a genotype that nothing trains"):
        planned((train, ""), ("train.at = 2\n", ""))


def test_values_of_settings_are_written_as_set_reads_them() -> None:
    found = overrides({"a.b": True, "c": "none", "d": [[0, 1]], "e": 0.1, "f": {}})
    assert found == ["a.b=true", "c=none", "d=[[0, 1]]", "e=0.1", "f={}"]
