"""Training runs: what they write, and that they go on as if they had not been stopped."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

import genocc
from genocc.errors import ConfigError, RunError
from genocc.exporters import torch as torch_target
from genocc.runs import loop
from genocc.runs.epochs import best_epoch, kept_accuracies
from genocc.runs.folder import RunFolder
from genocc.runs.progress import Progress
from genocc.runs.reading import read_config
from genocc.training.evaluation import measure
from genocc.training.result import TrainResult
from genocc.training.trainer import Trainer
from genocc.training.training import fit, run_training
from tests.stopping import StopAt
from tests.training.tiny import GENOTYPE, assert_same, history, tiny, weights


def test_a_run_holds_what_it_says(training_run: Path) -> None:
    assert sorted(path.name for path in training_run.iterdir() if not path.name.startswith(".")) == [
        "best.safetensors",
        "checkpoint",
        "config.json",
        "genotype.json",
        "history.jsonl",
        "last.safetensors",
        "log.txt",
    ]
    assert genocc.load(training_run) == GENOTYPE
    lines = history(training_run)
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert [line["drop_path"] for line in lines] == pytest.approx([0, 0.1, 0.2])
    for line in lines:
        assert line["training"].keys() == {"loss", "accuracy"}
        for measured in (line["test"], line["average"]):
            assert 0 <= measured["top1"] <= measured["top5"] <= 1
    assert read_config(training_run, "train")["genotype"]["name"] == "tiny"
    assert "finished: best test accuracy" in (training_run / "log.txt").read_text()
    result = TrainResult.read(training_run)
    assert result.config == tiny()
    assert result.best_top1 == max(line["average"]["top1"] for line in lines)
    assert (result.network.channels, result.network.layers, result.network.input_size) == (4, 3, (8, 8))
    assert result.class_names == tuple(f"colour {n}" for n in range(10))
    assert (result.mean, result.std) == ((0.5,) * 3, (0.25,) * 3)


def test_the_weights_are_those_of_the_best_and_the_last_epoch(training_run: Path) -> None:
    trainer = Trainer(GENOTYPE, tiny(), torch.device("cpu"))
    lines = history(training_run)
    for name, line in (("best", best_epoch(lines)), ("last", lines[-1])):
        net = torch_target.load(training_run / f"{name}.safetensors").eval()
        assert measure(net, trainer.test.in_order(12)).top1 == kept_accuracies(line)["top1"]


def test_without_an_average_the_weights_are_the_nets_own(tmp_path: Path) -> None:
    run_training(GENOTYPE, tiny("average.decay=none"), tmp_path, device="cpu")
    assert "average" not in history(tmp_path)[0]
    saved, own = torch_target.load(tmp_path / "last.safetensors").state_dict(), weights(tmp_path)
    for name, value in own.items():
        assert torch.equal(saved[name], value), name


def test_a_run_folder_changes_nothing(training_run: Path) -> None:
    """What `fit` trains without one is the same net."""
    fitted = fit(GENOTYPE, tiny(), device="cpu")
    assert fitted.history[-1] == history(training_run)[-1]
    for name, value in torch_target.load(training_run / "last.safetensors").state_dict().items():
        assert torch.equal(fitted.trainer.result.state_dict()[name], value), name


@pytest.mark.usefixtures("look_always")
def test_interrupted_after_every_step_is_the_same_as_not(training_run: Path, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    stops = 0
    for step in range(1, 20):
        number = signal.SIGTERM if step % 2 else signal.SIGINT
        try:
            run_training(GENOTYPE, tiny(), tmp_path, resume=step > 1, device="cpu", progress=StopAt(step, number))
        except KeyboardInterrupt:
            stops += 1
            torch.rand(3)
        else:
            break
    assert stops == 9
    assert signal.getsignal(signal.SIGTERM) is before
    assert_same(tmp_path, training_run)


def test_a_run_whose_end_was_cut_off_gets_its_result(training_run: Path, tmp_path: Path) -> None:
    run_training(GENOTYPE, tiny(), tmp_path, device="cpu")
    (tmp_path / "last.safetensors").unlink()
    with pytest.raises(RunError, match=r"not finished; go on with: genocc train --out .* --resume"):
        TrainResult.read(tmp_path)
    run_training(GENOTYPE, tiny(), tmp_path, resume=True, device="cpu")
    assert_same(tmp_path, training_run)


class _Killed(BaseException):
    """As a power cut: nothing that follows is done."""


def test_killed_before_the_checkpoint_of_an_epoch_the_best_weights_are_those_of_before(
    training_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The epoch is taken again, and may come out worse on another device."""
    save, begin_epoch, best = loop.save_checkpoint, Trainer.begin_epoch, []

    def die_in_the_second(run: RunFolder, state: Mapping[str, Any]) -> None:
        if state["position"]["epoch"] == 2:
            raise _Killed
        save(run, state)

    def look(self: Trainer, epoch: int) -> None:
        best.append((tmp_path / "best.safetensors").read_bytes() if epoch else b"")
        begin_epoch(self, epoch)

    monkeypatch.setattr(loop, "save_checkpoint", die_in_the_second)
    monkeypatch.setattr(Trainer, "begin_epoch", look)
    with pytest.raises(_Killed):
        run_training(GENOTYPE, tiny(), tmp_path, device="cpu")
    assert best_epoch(history(tmp_path))["epoch"] == 2
    assert (tmp_path / "best.safetensors").read_bytes() == best[-1]
    monkeypatch.undo()
    run_training(GENOTYPE, tiny(), tmp_path, resume=True, device="cpu")
    assert_same(tmp_path, training_run)


def test_killed_after_the_checkpoint_of_an_epoch_the_best_weights_are_written_later(
    training_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = loop.save_checkpoint

    def die_after_the_third(run: RunFolder, state: Mapping[str, Any]) -> None:
        save(run, state)
        if state["position"]["epoch"] == 3:
            raise _Killed

    monkeypatch.setattr(loop, "save_checkpoint", die_after_the_third)
    with pytest.raises(_Killed):
        run_training(GENOTYPE, tiny(), tmp_path, device="cpu")
    assert best_epoch(history(tmp_path))["epoch"] == 3
    monkeypatch.undo()
    run_training(GENOTYPE, tiny(), tmp_path, resume=True, device="cpu")
    assert_same(tmp_path, training_run)


def test_a_finished_run_is_only_read(training_run: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in training_run.rglob("*") if path.is_file()}
    result = run_training(GENOTYPE, tiny(), training_run, resume=True, device="cpu")
    assert len(result.history) == 3
    assert {path.name for path in before if before[path] != path.stat().st_mtime_ns} <= {".lock"}


def test_a_run_keeps_its_genotype_and_its_settings(training_run: Path) -> None:
    with pytest.raises(RunError, match=r"genotype.name is \"tiny\", not \"other\"; a run keeps its settings"):
        run_training(GENOTYPE.model_copy(update={"name": "other"}), tiny(), training_run, resume=True)
    with pytest.raises(RunError, match=r"schedule.epochs \(--epochs\) is 3, not 4"):
        run_training(GENOTYPE, tiny("schedule.epochs=4"), training_run, resume=True)
    with pytest.raises(RunError, match="has a run in it; go on with --resume"):
        run_training(GENOTYPE, tiny(), training_run)


@pytest.mark.usefixtures("look_always")
def test_a_loss_that_is_no_number_stops_the_training_and_leaves_the_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, taken = Trainer.step, 0

    def poisoned(self: Trainer) -> None:
        nonlocal taken
        taken += 1
        if taken == 5:
            with torch.no_grad():
                next(iter(self.net.parameters())).fill_(float("nan"))
        step(self)

    monkeypatch.setattr(Trainer, "step", poisoned)
    with pytest.raises(RunError, match=r"no longer finite in epoch 2: the train.* checkpoint after epoch 1 is intact"):
        run_training(GENOTYPE, tiny(), tmp_path, device="cpu")
    assert len(history(tmp_path)) == 1
    assert all(torch.isfinite(value).all() for value in weights(tmp_path).values())


def test_events_hold_the_history_and_go_on_after_a_resume(tmp_path: Path, training_run: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    config = tiny("output.tensorboard=true")
    with pytest.raises(KeyboardInterrupt):
        run_training(GENOTYPE, config, tmp_path, device="cpu", progress=_StopInEpoch())
    run_training(GENOTYPE, config, tmp_path, resume=True, device="cpu")
    found = accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [event.step for event in found.Scalars("test/top1")] == [1, 2, 3]
    for name, numbers in (("training/loss", "training"), ("average/top1", "average")):
        expected = [line[numbers][name.partition("/")[2]] for line in history(training_run)]
        assert [event.value for event in found.Scalars(name)] == pytest.approx(expected)


class _StopInEpoch(Progress):
    def epoch(self, text: str) -> None:
        signal.raise_signal(signal.SIGINT)


def test_events_without_tensorboard_are_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.summary.writer.record_writer", None)
    with pytest.raises(ConfigError, match=r"needs the package tensorboard.*pip install 'genocc\[tensorboard\]'"):
        run_training(GENOTYPE, tiny("output.tensorboard=true"), tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()
