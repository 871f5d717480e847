"""What could not begin is refused before anything runs, with the row."""

from __future__ import annotations

from pathlib import Path

import pytest

from genocc.errors import ConfigError
from genocc.experiments.check import check
from genocc.experiments.sources import read_source, shipped
from tests.experiments.own import own


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
        ('preset = "quick"', 'preset = "quik"', "row 'DARTS', scale tiny: search: unknown preset 'quik'"),
    ],
)
def test_the_row_is_named(old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check(own((old, new)).plan("tiny", Path("x")), "my.toml")
    assert str(caught.value).startswith(f"my.toml: {message}")


@pytest.mark.parametrize("name", shipped())
def test_shipped_experiments_can_begin_at_every_scale(name: str) -> None:
    source = read_source(name)
    assert {"tiny", "small"} <= source.experiment.scales.keys()
    for scale in source.experiment.scales:
        check(source.plan(scale, Path("x")), name)
