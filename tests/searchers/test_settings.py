"""Settings as a flat table."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocc.configuration import Configuration
from genocc.searchers.config import SearchConfig
from genocc.searchers.parts import WeightsConfig
from genocc.searchers.settings import (
    descriptions,
    differences,
    format_value,
    setting_names,
    settings,
    settings_by_method,
)
from genocc.training.config import TrainConfig


def test_every_setting_is_described() -> None:
    described = descriptions()
    for values in settings_by_method().values():
        for name in values:
            assert name == "seed" or described.get(name), f"{name} has no line in its docstring"


def test_a_configuration_is_a_flat_table_of_paths_without_what_has_an_argument_of_its_own() -> None:
    found = settings(SearchConfig.make("pc-darts", "quick", ["seed=4", "space=ss1"]))
    assert found["seed"] == 4
    assert found["space.name"] == "ss1"
    assert found["architecture.betas"] == [0.5, 0.999]
    assert found["relaxation.attention"] == {}, "a field that is a mapping is one setting"
    assert not {"method", "preset"} & found.keys()
    assert all(path == "seed" or path.count(".") == 1 + path.startswith("penalties.") for path in found)


@given(st.sampled_from(sorted(settings(SearchConfig.make("darts")).keys() - {"seed"})))
def test_set_addresses_every_row_of_the_table(path: str) -> None:
    value = settings(SearchConfig.make("darts"))[path]
    assert SearchConfig.parse_override(f"{path}={json.dumps(value)}") == (tuple(path.split(".")), value)


def test_methods_differ_in_what_is_shown_differently() -> None:
    table = {"a": {"x": 0.1, "y": 2.0, "z": None}, "b": {"x": 0.1, "y": 2, "z": False}}
    assert differences(table) == ["z"], "2.0 and 2 look alike"
    assert differences({"a": table["a"]}) == []


def test_by_method_has_the_rows_of_the_parts_that_a_method_has() -> None:
    table = settings_by_method("quick")
    assert "topology.predecessors" in table["edarts"]
    assert "topology.predecessors" not in table["darts"]
    names = setting_names(table)
    assert set(names) == {name for values in table.values() for name in values}
    parts = [name.partition(".")[0] for name in names]
    assert [part for number, part in enumerate(parts) if part not in parts[:number]] == list(dict.fromkeys(parts))
    assert table["ec-darts"]["schedule.ist"] is True
    assert table["darts"]["data.name"] == "digits"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (None, "none"),
        (0.0006, "0.0006"),
        (2.0, "2"),
        (512, "512"),
        ("top-k", "top-k"),
        ([0.5, 0.999], "[0.5,0.999]"),
        ({"sep_conv_3x3": 6e-4, "dil_conv_5x5": -6e-4}, "sep_conv_3x3:0.0006 dil_conv_5x5:-0.0006"),
        ({}, "-"),
    ],
)
def test_values_are_short_texts(value: object, text: str) -> None:
    assert format_value(value) == text


def test_a_description_is_the_nearest_docstring_that_has_one() -> None:
    class Steeper(WeightsConfig):
        """Weights with a description of their own.

        Attributes:
            clip: A smaller norm,
                over two lines.
        """

    class Own(Configuration):
        what = "own"
        chosen = ()
        weights: Steeper = Steeper()

    found, usual = descriptions(Own), descriptions(SearchConfig)
    assert found["weights.clip"] == "A smaller norm, over two lines."
    assert found["weights.momentum"] == usual["weights.momentum"]
    assert "weights.learning_rate_end" in usual
    assert "data.cutout" in usual, "inherited from the settings of any images"


def test_trainings_are_described_too() -> None:
    assert {name.split(".")[0] for name in descriptions(TrainConfig)} >= {"network", "schedule", "data"}
