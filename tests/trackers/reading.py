"""What trackers have of a run, read from their own files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genocc.runs.tracking import read_note


@dataclass
class Found:
    """What a tracker has.

    Attributes:
        numbers: (epoch, name, value) of each number, in order.
        config: Setting -> value, as text.
        pictures: Their names.
        distributions: (epoch, name) of each.
        state: Whether it says that the run has finished; None where it says nothing.
    """

    numbers: list[tuple[int, str, float]] = field(default_factory=list)
    config: dict[str, str] = field(default_factory=dict)
    pictures: set[str] = field(default_factory=set)
    distributions: set[tuple[int, str]] = field(default_factory=set)
    finished: bool | None = None


def read(name: str, run: Path) -> Found:
    """Returns what a tracker has of a run."""
    return {"tensorboard": _tensorboard, "wandb": _wandb, "mlflow": _mlflow, "trackio": _trackio}[name](run)


def _tensorboard(run: Path) -> Found:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"histograms": 0, "images": 0}).Reload()
    tags = events.Tags()
    found = Found(pictures=set(tags["images"]))
    found.numbers = [(one.step, tag, one.value) for tag in tags["scalars"] for one in events.Scalars(tag)]
    found.distributions = {(one.step, tag) for tag in tags["histograms"] for one in events.Histograms(tag)}
    (text,) = events.Tensors("config")
    rows = [line.strip("| ").split(" | ") for line in text.tensor_proto.string_val[0].decode().splitlines()[2:]]
    found.config = {row[0]: row[1] if len(row) > 1 else "" for row in rows}
    return found


def wandb_records(path: Path) -> Iterator[Any]:
    """Yields the records of an offline file: LevelDB's log format, after a header of seven bytes."""
    from wandb.proto.wandb_internal_pb2 import Record

    content, place, whole = path.read_bytes(), 7, b""
    while place + 7 <= len(content):
        left = 32768 - place % 32768
        if left < 7:
            place += left
            continue
        length, kind = int.from_bytes(content[place + 4 : place + 6], "little"), content[place + 6]
        whole += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or its last part
            yield Record.FromString(whole)
            whole = b""


def _wandb(run: Path) -> Found:
    found = Found(finished=False)
    its = read_note(run, "wandb").id
    assert not list((run / "tracking").rglob("requirements.txt")), "nothing of the machine"
    (path,) = (run / "tracking" / "wandb" / "wandb").glob(f"offline-run-*-{its}/*.wandb")
    for record in wandb_records(path):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            assert record.run.run_id == its
            found.config = {one.key: str(json.loads(one.value_json)) for one in record.run.config.update}
        elif kind in ("history", "summary"):
            items = record.history.item if kind == "history" else record.summary.update
            values = {one.key or "/".join(one.nested_key): json.loads(one.value_json) for one in items}
            epoch = record.history.step.num if kind == "history" else -1
            kinds = {name.removesuffix("/_type"): what for name, what in values.items() if name.endswith("/_type")}
            kinds |= {name: value["_type"] for name, value in values.items() if isinstance(value, dict)}
            found.pictures |= {name for name, what in kinds.items() if what == "image-file"}
            if kind == "history":
                found.distributions |= {(epoch, name) for name, what in kinds.items() if what == "histogram"}
            numbers = {name: value for name, value in values.items() if isinstance(value, (int, float))}
            for name, value in numbers.items():
                own = name.rpartition("/")[0] in kinds or name.startswith("_")  # of an image, or of W&B
                if not own and (kind == "history" or name.startswith("result/")):
                    found.numbers.append((epoch, name, value))
        elif kind == "exit":
            found.finished = record.exit.exit_code == 0
    return found


def _mlflow(run: Path) -> Found:
    from mlflow import MlflowClient

    client, its = MlflowClient(f"sqlite:///{run / 'tracking' / 'mlflow' / 'mlflow.db'}"), read_note(run, "mlflow").id
    run_of = client.get_run(its)
    found = Found(config=dict(run_of.data.params), finished=run_of.info.status == "FINISHED")
    for name in run_of.data.metrics:
        found.numbers += [(one.step, name, one.value) for one in client.get_metric_history(its, name)]
    found.pictures = {one.path.removesuffix(".png") for one in client.list_artifacts(its) if one.path.endswith(".png")}
    return found


def _trackio(run: Path) -> Found:
    from trackio.sqlite_storage import SQLiteStorage

    its = read_note(run, "trackio").id
    (name,) = [name for name in SQLiteStorage.get_runs("genocc") if name.endswith(f"-{its}")]
    found = Found(config={key: str(value) for key, value in SQLiteStorage.get_run_config("genocc", name).items()})
    for line in SQLiteStorage.get_logs("genocc", name):
        for tag, value in line.items():
            if isinstance(value, dict):
                image = value["_type"] == "trackio.image"
                (found.pictures.add(tag) if image else found.distributions.add((line["step"], tag)))
            elif isinstance(value, (int, float)) and tag not in ("step", "timestamp"):
                found.numbers.append((line["step"], tag, value))
    assert os.environ["TRACKIO_DIR"]
    return found
