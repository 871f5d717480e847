"""MLflow: a run of the experiment ``genocc``, in a SQLite file of the run folder unless MLFLOW_TRACKING_URI is set."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from genocc.runs.reading import HISTORY
from genocc.runs.tracking import PROJECT, Noted, TrackedRun, Tracker, scalars
from genocc.trackers.pictures import pictures


class Mlflow(Tracker):
    """A run that goes on is the same run of the store, which is asked for the epochs that it has."""

    package: ClassVar[str] = "mlflow-skinny"

    def __init__(self) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")  # not what it does to its tables
        import alembic  # noqa: F401 (which the store of SQLite needs, as sqlalchemy)
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param

        self._make, self._metric, self._param = MlflowClient, Metric, Param

    def begin(self, run: TrackedRun, noted: Noted) -> Noted:
        self._of = run
        uri, place = os.environ.get("MLFLOW_TRACKING_URI"), None
        if not uri:
            run.folder.mkdir(exist_ok=True)
            folder = run.folder.absolute()
            uri, place = f"sqlite:///{(folder / 'mlflow.db').as_posix()}", (folder / "artifacts").as_uri()
        self._client = self._make(uri)
        if noted.id is not None:
            self._id = noted.id
            self._client.update_run(self._id, status="RUNNING")
            has = self._client.get_run(self._id).data.metrics.get("epoch", 0)
            return noted.model_copy(update={"epochs": int(has)})
        made = self._client.create_run(self._experiment(place), run_name=run.name, tags={"genocc": run.command})
        self._id = made.info.run_id
        params = [self._param(name, str(value)) for name, value in run.config.items()]
        for first in range(0, len(params), 100):  # the most that a call takes
            self._client.log_batch(self._id, params=params[first : first + 100])
        return Noted(id=self._id)

    def epoch(self, line: Mapping[str, Any]) -> None:
        self._log({"epoch": line["epoch"], **dict(scalars(line))}, line["epoch"])

    def finish(self, result: Mapping[str, Any], epoch: int) -> None:
        self._log(dict(scalars({"result": result})), epoch)
        with TemporaryDirectory() as folder:
            for name, png in pictures(self._of.path, self._of.command).items():
                path = Path(folder, f"{name}.png")
                path.write_bytes(png)
                self._client.log_artifact(self._id, str(path))
        self._client.log_artifact(self._id, str(self._of.path / HISTORY))  # coefficients and genotypes are no metrics

    def close(self, finished: bool) -> None:
        self._client.set_terminated(self._id, "FINISHED" if finished else "KILLED")

    def _experiment(self, place: str | None) -> str:
        if number := os.environ.get("MLFLOW_EXPERIMENT_ID"):
            return number
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        found = self._client.get_experiment_by_name(name)
        return str(found.experiment_id if found else self._client.create_experiment(name, place))

    def _log(self, numbers: Mapping[str, float], epoch: int) -> None:
        now = int(time.time() * 1000)
        self._client.log_batch(self._id, [self._metric(name, value, now, epoch) for name, value in numbers.items()])
