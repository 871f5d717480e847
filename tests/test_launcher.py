"""How this process was started, as `torchrun` says it in the environment."""

from __future__ import annotations

import pytest

from genocc import launcher
from genocc.launcher import is_first, launched, speaks, started
from tests.cli.commands import error, run


@pytest.fixture
def among_four(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Process 3 of 4."""
    monkeypatch.setattr(launcher, "PATIENCE", 0.0)
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("RANK", "2")
    return monkeypatch


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, (False, True)),
        ({"RANK": "0", "WORLD_SIZE": "1"}, (False, True)),
        ({"RANK": "0", "WORLD_SIZE": "2"}, (True, True)),
        ({"RANK": "1", "WORLD_SIZE": "2"}, (True, False)),
        ({"RANK": "1"}, (False, True)),  # of another program
        ({"RANK": "major", "WORLD_SIZE": "large"}, (False, True)),
    ],
)
def test_torchrun_says_whether_there_are_others(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: tuple[bool, bool]
) -> None:
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (launched(), is_first()) == expected


def test_another_process_gives_the_first_time_to_say_the_same(among_four: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    among_four.setattr(launcher, "PATIENCE", 5.0)
    among_four.setattr(launcher.time, "sleep", waited.append)
    assert speaks()
    assert started() == "process 3 of 4: "
    among_four.setenv("RANK", "0")
    assert speaks()
    assert started() == ""
    assert waited == [5.0]


def test_commands_that_share_no_work_are_refused(among_four: pytest.MonkeyPatch) -> None:
    assert "process 3 of 4: count: torchrun has started several processes of it" in error("count", "zoo:darts-v2")
    among_four.setenv("RANK", "0")
    assert error("count", "zoo:darts-v2").startswith("genocc: error: count: torchrun has started")
    assert "only search and train share their work" in error("zoo", "list")
    assert "unknown method 'dart'" in error("search", "--method", "dart")  # is not refused
    among_four.delenv("WORLD_SIZE")
    assert run("count", "zoo:darts-v2").exit_code == 0
