"""The file of an experiment: what it says is read as it stands, and what is wrong is said with its place."""

from __future__ import annotations

import pytest

from genocc.errors import ConfigError
from genocc.experiments.model import Experiment
from tests.experiments.own import OWN, own


def test_tables_within_set_are_dotted_settings() -> None:
    search = own().experiment.scales["tiny"].search
    assert search.settings["schedule.batch_size"] == 20
    assert search.settings["supernet.channels"] == 4
    assert list(search.settings)[:2] == ["data.size", "data.training"]


def test_an_empty_table_is_a_value() -> None:
    search = own(('method = "darts"', 'method = "darts"\nset = { relaxation.attention = {} }')).experiment.search
    assert search.settings == {"relaxation.attention": {}}


def test_a_number_of_seeds_counts_from_zero_and_a_list_is_taken_as_it_is() -> None:
    experiment = own().experiment
    assert (experiment.seeds, experiment.rows[1].seeds) == ((0, 1), (7,))


WRONG = [
    ("seeds = 2", "seeds = 0", "my.toml: seeds: found 0; expected 1 to 1000, or a list"),
    (
        "seeds = [7]",
        "seeds = [true, false]",
        "my.toml: row 'epochs'.seeds: found [True, False]; expected a number",
    ),
    (
        "error = [3.0, 0.14]",
        "error = true",
        "my.toml: row 'DARTS'.paper: found {'error': True, 'super-net': 88.3}; ex",
    ),
    ("seeds = [7]", "seeds = [7, 7]", "my.toml: row 'epochs'.seeds: found [7, 7]; expected distinct seeds"),
    ('name = "random"', 'name = "DARTS"', "my.toml: row 'DARTS' is there twice"),
    ('value = "train.last"', 'value = "train.lost"', "my.toml: column 'error'.value: found 'train.lost'; did you mean"),
    ('unit = "error"', 'unit = "eror"', "my.toml: column 'error'.unit: found 'eror'; did you mean 'error'?"),
    ("paper = { error", "paper = { eror", "my.toml: row 'DARTS': paper: found 'eror'; did you mean 'error'?"),
    ("train.at = 2", "train.att = 2", "my.toml: unknown field row 'epochs'.train.att; remove it"),
    ('y = "error"', 'y = "tau"', "my.toml: figure: found 'tau'; expected one of super-net, drop, error, skips"),
    ("title =", "title", "my.toml: not TOML: "),
    ("schedule.batch_size", f"a{'.a' * 5000}", "my.toml: tables within tables, nested too deeply"),
    ("over = ", "kendall = ", "my.toml: column 'skips'.kendall: "),
    (
        'genotype = "zoo:darts-v2"',
        'genotype = "zoo:darts-v2"\nsearch.method = "darts"',
        "my.toml: row 'published': a genotype and a search",
    ),
    ("seeds = 1", "seeds = 1\nscale.tiny.search.epochs = 2", "my.toml: row 'published': a genotype, and a search at a"),
    ("seeds = [7]", "seeds = [7]\nscale.tinny.seeds = 1", "my.toml: row 'epochs'.scale: found 'tinny'; did you mean"),
    ('space = "ss1"', '"topology.nodes" = 3', "my.toml: scale.tiny.search.set: found {"),
    ('space = "ss1"', "space = [2024-01-01]", "my.toml: scale.tiny.search.set: found {"),
    (
        "seeds = [7]",
        "seeds = [7]\nsearch.set.schedule.epochs = 9",
        "my.toml: row 'epochs'.search.set: found {'schedule",
    ),
    (
        "seeds = [7]",
        "seeds = [7]\ntrain.set.seed = 9",
        "my.toml: row 'epochs'.train.set: found {'seed': 9}; expected seeds,",
    ),
    (
        "seeds = [7]",
        "seeds = [7]\ntrain.set.data.validation = 9",
        "my.toml: row 'epochs'.train.set: found {'data': {'val",
    ),
    ('unit = "error"', 'unit = "error"\nminus = "train.best"', "my.toml: column 'error': unit 'error' of a difference"),
    ("kendall = [", 'unit = "error"\nkendall = [', "my.toml: column 'tau': unit 'error' of Kendall's tau"),
    (
        'kendall = ["search.entropy.normal", "train.last"]',
        "",
        "my.toml: column 'tau': expected one of value and kendall",
    ),
]


@pytest.mark.parametrize(("old", "new", "message"), WRONG)
def test_what_is_wrong_is_said_with_its_place(old: str, new: str, message: str) -> None:
    assert old in OWN
    with pytest.raises(ConfigError) as caught:
        Experiment.parse(OWN.replace(old, new), "my.toml")
    assert str(caught.value).startswith(message)


def test_no_unit_is_not_offered() -> None:
    with pytest.raises(ConfigError, match=r"unit: found 'accuracy'; expected one of count, %, error"):
        own(('unit = "count"', 'unit = "accuracy"'))
