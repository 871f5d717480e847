"""Held-out images choose the epoch, and the test images are looked at once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import genocc
from genocc.errors import RunError
from genocc.training.result import TrainResult
from genocc.training.trainer import Trainer
from genocc.training.training import run_training
from tests.stopping import StopAt
from tests.training.tiny import GENOTYPE, assert_same, history, tiny


@pytest.fixture(scope="module")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny training with held-out images."""
    folder = tmp_path_factory.mktemp("held") / "run"
    run_training(GENOTYPE, tiny("data.validation=30"), folder, device="cpu")
    return folder


def test_held_out_images_choose_the_epoch_and_the_test_is_looked_at_once(held_out: Path) -> None:
    lines = history(held_out)
    assert all("test" not in line and line["validation"].keys() == {"top1", "top5"} for line in lines)
    result = TrainResult.read(held_out)
    assert result.best["epoch"] == max(lines, key=lambda line: line["average"]["top1"])["epoch"]
    assert result.test is not None
    assert (result.test["epoch"], result.test["images"]) == (result.best["epoch"], 1000)
    found = genocc.evaluate(held_out / "best.safetensors", data="fake").accuracy
    assert (result.test["top1"], result.test["top5"]) == (found.top1, found.top5)
    plain = result.to_dict()
    assert (plain["measured"], plain["test"]) == ("validation", result.test)
    assert ", test accuracy " in (held_out / "log.txt").read_text()


def test_no_test_image_is_measured_before_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[tuple[str, bool]] = []
    counted = Trainer._counted

    def noted(trainer: Trainer, net: Any, part: Any, *which: Any) -> Any:
        measured.append(("test" if part is trainer.test else "validation", net is trainer.net))
        return counted(trainer, net, part, *which)

    monkeypatch.setattr(Trainer, "_counted", noted)
    run_training(GENOTYPE, tiny("data.validation=30", "average.decay=none"), tmp_path / "run", device="cpu")
    assert measured == [("validation", True)] * 3 + [("test", False)]


def test_stopped_with_held_out_images_it_comes_to_the_same_end(
    held_out: Path, tmp_path: Path, look_always: None
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_training(GENOTYPE, tiny("data.validation=30"), tmp_path / "run", device="cpu", progress=StopAt(5))
    run_training(GENOTYPE, tiny("data.validation=30"), tmp_path / "run", device="cpu", resume=True)
    assert_same(tmp_path / "run", held_out)
    assert (tmp_path / "run" / "test.json").read_bytes() == (held_out / "test.json").read_bytes()


@pytest.mark.parametrize("field", ["epoch", "images"])
def test_a_test_figure_of_another_training_is_named(held_out: Path, tmp_path: Path, field: str) -> None:
    run = Path(shutil.copytree(held_out, tmp_path / "run"))
    own = json.loads((run / "test.json").read_text())
    (run / "test.json").write_text(json.dumps({**own, field: own[field] + 1}))
    with pytest.raises(
        RunError, match=rf"test.json: is of another training: its {field} is {own[field] + 1}, the run's"
    ):
        TrainResult.read(run)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "test.json: is missing, though the run has ended"),
        ('{"epoch": 1, "top1": 2, "top5": null, "images": 5}', "test.json: top1: found 2"),
        ("[]", "test.json: "),
        ("{", "test.json: "),
    ],
)
def test_a_test_figure_that_was_changed_is_named(
    held_out: Path, tmp_path: Path, content: str | None, message: str
) -> None:
    run = Path(shutil.copytree(held_out, tmp_path / "run"))
    (run / "test.json").unlink()
    if content is not None:
        (run / "test.json").write_text(content)
    with pytest.raises(RunError) as caught:
        TrainResult.read(run)
    assert message in str(caught.value)
