"""What is asked of MLflow: a file of the run unless the user's variables say otherwise, and the same run again."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from genocc.runs.tracking import Noted
from genocc.trackers.mlflow import Mlflow
from tests.trackers.standing_in import Calls, install, tracked_run


class Client(Calls):
    def get_run(self, number: str) -> Any:
        return SimpleNamespace(data=SimpleNamespace(metrics={"epoch": 3.0}))

    def create_run(self, *given: Any, **named: Any) -> Any:
        self.made.append(("create_run", given, named))
        return SimpleNamespace(info=SimpleNamespace(run_id="r1"))


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    found = Client(uris=[])

    def make(uri: str) -> Client:
        found.uris.append(uri)
        return found

    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    install(monkeypatch, "alembic")
    install(monkeypatch, "mlflow", MlflowClient=make)
    install(monkeypatch, "mlflow.entities", Metric=lambda *values: values, Param=lambda *values: values)
    return found


def test_it_is_a_file_of_the_run(client: Client, tmp_path: Path) -> None:
    assert Mlflow().begin(tracked_run(tmp_path, "mlflow"), Noted()) == Noted(id="r1")
    assert client.uris == [f"sqlite:///{tmp_path}/tracking/mlflow/mlflow.db"]
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    names = [name for name, *_ in client.made]
    assert names == ["get_experiment_by_name", "create_experiment", "create_run", "log_batch"]
    assert client.made[1][1] == ("genocc", (tmp_path / "tracking" / "mlflow" / "artifacts").as_uri())
    assert client.made[3][2] == {"params": [("seed", "1")]}


def test_a_run_that_goes_on_is_the_same_run_with_the_epochs_that_its_store_has(client: Client, tmp_path: Path) -> None:
    """Whatever was noted: the process may have been killed between the store and the note."""
    tracker = Mlflow()
    assert tracker.begin(tracked_run(tmp_path, "mlflow"), Noted(id="r9", epochs=2)) == Noted(id="r9", epochs=3)
    tracker.close(False)
    assert client.made == [
        ("update_run", ("r9",), {"status": "RUNNING"}),
        ("set_terminated", ("r9", "KILLED"), {}),
    ]


def test_the_users_variables_win(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://there")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "7")
    Mlflow().begin(tracked_run(tmp_path, "mlflow"), Noted())
    assert client.uris == ["http://there"]
    assert client.made[0][:2] == ("create_run", ("7",))
    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "theirs")
    Mlflow().begin(tracked_run(tmp_path, "mlflow"), Noted())
    assert ("create_experiment", ("theirs", None), {}) in client.made
    assert not (tmp_path / "tracking" / "mlflow").exists()
