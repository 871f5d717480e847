"""``genocc engines``, and the options that choose one."""

from __future__ import annotations

import json

import pytest

from genocc.cli.engines import chosen_engine
from genocc.engines.base import engine_names, engine_type
from genocc.errors import EngineError
from tests.cli.commands import run


def test_the_table() -> None:
    found = {one["name"]: one for one in json.loads(run("engines", "--json").stdout)}
    assert tuple(found) == engine_names()
    assert found["local"]["available"]
    assert found["local"]["settings"]["gpus"]["default"] == "all"
    text = run("engines").stdout
    assert all(one["title"] in text and f"{name}.{setting}" in text for name, one in found.items()
               for setting in one["settings"])  # fmt: skip
    assert all(setting["about"] for one in found.values() for setting in one["settings"].values())


def test_one_that_is_missing_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_type("local"), "package", "no-such-package")
    assert "pip install 'genocc[local]'" in run("engines").stdout


def test_the_options_choose_an_engine() -> None:
    assert chosen_engine(None, None, None) is None
    found = chosen_engine(None, 3, None)
    assert found is not None
    assert (found.name, found.jobs) == ("local", 3)
    found = chosen_engine("local", None, ["local.gpus=none"])
    assert found is not None
    assert found.settings.gpus == "none"
    with pytest.raises(EngineError, match=r"--engine-set local.gpus=0: needs --engine"):
        chosen_engine(None, None, ["local.gpus=0"])
