"""TensorBoard events: when a file of them is made, and what one that follows drops."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from genocc.runs.tracking import tracked
from tests.runs.begun import begun
from tests.trackers.reading import read

pytest.importorskip("tensorboard")


def test_the_first_epoch_makes_the_file(tmp_path: Path) -> None:
    with begun(tmp_path) as run, tracked(run, ["tensorboard"], "search", None, nullcontext()) as tracking:
        tracking.update()
        assert not (tmp_path / "tensorboard").exists()
        run.append({"epoch": 1, "training": {"accuracy": 0.25}})
        tracking.update()
    found = read("tensorboard", tmp_path)
    assert found.numbers == [(1, "training/accuracy", 0.25)]
    assert found.config == {"seed": "1", "schedule.epochs": "3"}


def test_what_an_earlier_process_wrote_beyond_its_note_is_dropped(tmp_path: Path) -> None:
    for epochs in (2, 3):
        with begun(tmp_path, resume=epochs > 2) as run:
            for epoch in range(epochs - 1 if epochs > 2 else 0, epochs):
                run.append({"epoch": epoch + 1, "loss": epochs})
            with tracked(run, ["tensorboard"], "search", None, nullcontext()) as tracking:
                tracking.update()
        (tmp_path / "tracking" / "tensorboard.json").write_text('{"epochs": 1}')
    assert read("tensorboard", tmp_path).numbers == [(1, "loss", 2), (2, "loss", 2), (3, "loss", 3)]
