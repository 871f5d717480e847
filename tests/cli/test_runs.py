"""Options of the commands that make a run: the same words in each, and no value unless it is given."""

from __future__ import annotations

import pytest
from typer.main import get_command

from genocc.cli import app

COMMANDS = get_command(app).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("option", ["--data", "--out", "--epochs", "--set", "--input-size", "--download"])
def test_an_option_says_the_same_in_every_command(option: str) -> None:
    found = [
        parameter
        for command in ("search", "train", "rank-topologies")
        for parameter in COMMANDS[command].params
        if option in parameter.opts
    ]
    assert len(found) == 3
    assert len({parameter.help for parameter in found}) == 1
    assert [parameter.default for parameter in found] == [None] * 3
    assert not any(parameter.show_default for parameter in found)
