"""What could not begin is refused before anything runs, with the row."""

from __future__ import annotations

from pathlib import Path

import pytest

from genocc.errors import ConfigError
from genocc.experiments.check import check
from genocc.experiments.model import Experiment
from genocc.experiments.sources import Source, read_source, shipped
from tests.experiments.own import OWN, own


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'method = "random"',
            'method = "randon"',
            "row 'random', scale tiny: search: unknown method 'randon'; did you",
        ),
        (
            "schedule.batch_size",
            "schedule.batch",
            "row 'DARTS', scale tiny: search: --set schedule.batch=20: there is no",
        ),
        (
            "network.layers = 3",
            "network.layers = 0",
            "row 'DARTS', scale tiny: train: training configuration: network.",
        ),
        ('"zoo:darts-v2"', '"zoo:darts-v3"', "row 'published', scale tiny: genotype: "),
        (
            'value = "train.last"',
            'value = "train.test"',
            "column 'error', scale tiny: train.test needs held-out",
        ),
        ('preset = "quick"', 'preset = "quik"', "row 'DARTS', scale tiny: search: unknown preset 'quik'"),
    ],
)
def test_the_row_is_named(old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(own((old, new)).plan("tiny", Path("x")), "my.toml")
    assert str(caught.value).startswith(f"my.toml: {message}")


def test_a_column_of_what_nothing_does_is_refused() -> None:
    """Such a column would be empty, after hours."""
    start, end = OWN.index("[scale.tiny.train]"), OWN.index("[scale.large]")
    row = '[[row]]\nname = "published"\ngenotype = "zoo:darts-v2"\nseeds = 1\n'
    text = OWN.replace(OWN[start:end], "").replace(row, "").replace("train.at = 2\n", "")
    source = Source("my.toml", text, Experiment.parse(text, "my.toml"))
    with pytest.raises(ConfigError, match=r"column 'error', scale tiny: train\.last: no row trains anything; say how"):
        check(source.plan("tiny", Path("x")), "my.toml")


@pytest.mark.parametrize("name", shipped())
def test_shipped_experiments_can_begin_at_every_scale(name: str) -> None:
    source = read_source(name)
    assert {"tiny", "small"} <= source.experiment.scales.keys()
    for scale in source.experiment.scales:
        check(source.plan(scale, Path("x")), name)
