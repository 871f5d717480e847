"""What is asked of W&B: offline unless the user's variables say otherwise, one id, and nothing of the machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from genocc.runs.tracking import Noted
from genocc.trackers.wandb import Wandb
from tests.trackers.standing_in import Calls, install, tracked_run


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    monkeypatch.delenv("WANDB_ERROR_REPORTING", raising=False)

    def init(**named: Any) -> Calls:
        found.append(named)
        return Calls(summary=Calls())

    install(monkeypatch, "wandb", Histogram=list, Image=object, Settings=dict, init=init)
    return found


def test_it_is_offline_and_written_anew_in_one_piece(asked: list[dict[str, Any]], tmp_path: Path) -> None:
    run, other = tracked_run(tmp_path, "wandb"), tmp_path / "tracking" / "wandb" / "wandb" / "offline-run-1-other"
    first = Wandb().begin(run, Noted())
    assert first.id
    assert first.epochs == 0
    assert asked[0]["mode"] == "offline"
    assert (asked[0]["project"], asked[0]["name"], asked[0]["config"]) == ("genocc", "a", {"seed": 1})
    assert asked[0]["dir"] == run.folder
    assert asked[0]["settings"].items() >= {"console": "off", "disable_git": True, "disable_code": True}.items()
    assert os.environ["WANDB_ERROR_REPORTING"] == "false"
    earlier = other.with_name(f"offline-run-2-{first.id}")
    earlier.mkdir(parents=True)
    other.mkdir()
    assert Wandb().begin(run, Noted(id=first.id, epochs=4)) == Noted(id=first.id, epochs=0)
    assert (asked[1]["id"], asked[1]["resume"]) == (first.id, None)
    assert not earlier.exists()
    assert other.exists()


def test_the_users_variables_win(asked: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"MODE": "online", "PROJECT": "theirs", "DIR": str(tmp_path / "elsewhere"), "ERROR_REPORTING": "true"}
    for name, value in variables.items():
        monkeypatch.setenv(f"WANDB_{name}", value)
    assert Wandb().begin(tracked_run(tmp_path, "wandb"), Noted(id="x", epochs=4)) == Noted(id="x", epochs=4)
    assert (asked[0]["mode"], asked[0]["project"], asked[0]["resume"]) == ("online", "theirs", "allow")
    assert asked[0]["dir"] == tmp_path / "elsewhere"
    assert os.environ["WANDB_ERROR_REPORTING"] == "true"
    assert not (tmp_path / "tracking" / "wandb").exists()
