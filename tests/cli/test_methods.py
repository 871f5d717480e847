"""``genocc methods``."""

import json

from typer.testing import CliRunner

from genocc.cli import app
from genocc.searchers.method import methods


def test_the_table_names_methods_and_settings() -> None:
    result = CliRunner().invoke(app, ["methods"])
    assert result.exit_code == 0
    for text in (*methods(), "connection.bottleneck", "sep_conv_3x3:0.0006", "relaxation.temperature", "0.923"):
        assert text in result.stdout


def test_json_has_every_setting_as_set_takes_it() -> None:
    result = CliRunner().invoke(app, ["methods", "--preset", "imagenet", "--json"])
    data = json.loads(result.stdout)
    assert data["preset"] == "imagenet"
    assert data["methods"]["pc-darts"]["settings"]["connection.partial"] == 2
    assert set(data["methods"]) == set(methods())
    assert data["descriptions"]["connection.partial"].startswith("K:")


def test_methods_without_meaning_in_a_preset_are_left_out_with_the_reason() -> None:
    data = json.loads(CliRunner().invoke(app, ["methods", "--preset", "nas-bench-201", "--json"]).stdout)
    assert set(data["unfit"]) == {"edarts", "ec-darts"}
    assert set(data["methods"]) == set(methods()) - set(data["unfit"])
    text = CliRunner().invoke(app, ["methods", "--preset", "nas-bench-201"]).stdout
    assert "Not in this preset: edarts: topology.name=fixed is of cells with 2 inputs" in " ".join(text.split())


def test_an_unknown_preset_is_one_line() -> None:
    result = CliRunner().invoke(app, ["methods", "--preset", "fast"])
    assert result.exit_code == 2
    assert "unknown preset 'fast'" in result.output
