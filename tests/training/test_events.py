"""TensorBoard events: which numbers of a line they have, and when a file of them is made."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from genocc.errors import ConfigError
from genocc.runs.reading import RUN_EVENTS as FOLDER
from genocc.training.events import event_writer, scalars
from genocc.training.settings import OutputConfig
from tests.runs.begun import begun

LINE = {"epoch": 2, "test": {"top1": 0.5, "top5": None}, "training": {"loss": 1, "accuracy": 0.25}, "seconds": 2.5,
        "costs": {"gpu_days": 0.5, "device": "cpu", "peak_device_memory": None}}  # fmt: skip


def test_every_number_but_the_epoch_has_its_path() -> None:
    assert dict(scalars(LINE)) == {"test/top1": 0.5, "training/loss": 1.0, "training/accuracy": 0.25, "seconds": 2.5,
        "costs/gpu_days": 0.5}  # fmt: skip


def test_without_events_nothing_is_written(tmp_path: Path) -> None:
    with begun(tmp_path) as run, event_writer(OutputConfig(), run) as write:
        write(LINE)
    assert not (tmp_path / FOLDER).exists()


def test_the_first_line_makes_the_file_in_the_first_process_alone(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    wanted = OutputConfig(tensorboard=True)
    with event_writer(wanted, None) as write:
        write(LINE)
    with begun(tmp_path) as run, event_writer(wanted, run) as write:
        assert not (tmp_path / FOLDER).exists()
        write(LINE)
    found = accumulator.EventAccumulator(str(tmp_path / FOLDER)).Reload()
    assert [(event.step, event.value) for event in found.Scalars("training/accuracy")] == [(2, 0.25)]


def test_without_tensorboard_events_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.summary.writer.record_writer", None)
    with (
        pytest.raises(ConfigError, match="needs the package tensorboard"),
        event_writer(OutputConfig(tensorboard=True), None),
    ):
        pass
