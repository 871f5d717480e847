"""Training runs: what they write, and that they go on as if they had not been stopped."""

from __future__ import annotations

import json
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

import genocc
from genocc.errors import ConfigError, GenoccError, RunError
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
from tests.data.image_files import write_image
from tests.training.tiny import GENOTYPE, assert_same, history, tiny, weights


class StopAt(Progress):
    """Sends the process a signal after a step, as Ctrl-C would."""

    def __init__(self, step: int, number: signal.Signals = signal.SIGINT) -> None:
        self.at, self.number = step, number

    def step(self, where: str, seen: str, done: int) -> None:
        if done == self.at:
            signal.raise_signal(self.number)


@pytest.fixture
def look_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "LOOKED_EVERY", -1.0)


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


SETTINGS = ("data.name=imagefolder", "data.size=8x12", "data.training=1", "data.cutout=0", "schedule.epochs=1",
            "schedule.batch_size=8", "network.layers=1", "average.decay=none")  # fmt: skip


def photos(folder: Path) -> Path:
    """Two classes of ten oblong images."""
    for name in ("cat", "dog"):
        for number in range(10):
            write_image(folder / name / f"{number}.png", size=(12, 8), shade=10 * number)
    return folder


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images, and a run on them whose end was cut off."""
    folder = tmp_path_factory.mktemp("unfinished")
    config = tiny(*SETTINGS, f"data.folder={photos(folder / 'photos')}")
    run_training(GENOTYPE, config, folder / "run", device="cpu")
    (folder / "run" / "last.safetensors").unlink()
    return folder


@pytest.fixture
def moved(unfinished: Path, tmp_path: Path) -> Path:
    """A copy of both in another place, the images renamed."""
    shutil.copytree(unfinished / "run", tmp_path / "run")
    shutil.copytree(unfinished / "photos", tmp_path / "pictures")
    return tmp_path


def test_a_net_of_oblong_images_is_trained_and_keeps_their_shape(unfinished: Path) -> None:
    assert torch_target.load(unfinished / "run" / "best.safetensors").config.input_size == (8, 12)
    assert read_config(unfinished / "run", "train")["data"]["size"] == [8, 12]


def test_a_run_goes_on_with_its_data_in_another_place(moved: Path) -> None:
    result = genocc.train(out=moved / "run", data=str(moved / "pictures"), resume=True, device="cpu")
    assert result.config.data.folder == moved / "pictures"
    assert (moved / "run" / "last.safetensors").exists()
    assert genocc.train(out=moved / "run", resume=True).config == result.config
    assert genocc.evaluate(moved / "run").accuracy.images == 4


def renamed(pictures: Path) -> None:
    (pictures / "cat").rename(pictures / "eel")


def deleted(pictures: Path) -> None:
    (pictures / "cat" / "3.png").unlink()


def added(pictures: Path) -> None:
    write_image(pictures / "dog" / "new.png")


def too_few(pictures: Path) -> None:
    for number in range(9):
        (pictures / "cat" / f"{number}.png").unlink()


def replaced(pictures: Path) -> None:
    write_image(pictures / "dog" / "3.png", size=(40, 40))


def another(pictures: Path) -> None:
    (pictures / "cat" / "0.png").rename(pictures / "cat" / "x.png")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (renamed, "images are not those that the run began with: class 'cat' is gone and class 'eel' is new"),
        (deleted, r"class 'cat' has 9 images \(.*\), and had 10"),
        (added, r"class 'dog' has 11 images \(.*\), and had 10"),
        (replaced, "the files of class 'dog' have other names or sizes"),
        (another, "the files of class 'cat' have other names or sizes"),
        (too_few, "class 'cat' has 1 image; expected at least 2"),
        (
            shutil.rmtree,
            "no such folder; check the path; .* if the images have moved, name their place: --resume --data",
        ),
    ],
)
def test_data_that_changed_are_named(moved: Path, change: Callable[[Path], object], message: str) -> None:
    before = read_config(moved / "run", "train")
    change(moved / "pictures")
    with pytest.raises(GenoccError, match=message):
        genocc.train(out=moved / "run", data=str(moved / "pictures"), resume=True, device="cpu")
    assert read_config(moved / "run", "train") == before


def test_the_middle_of_images_of_another_shape_is_taken_and_said(moved: Path) -> None:
    class Heard(Progress):
        text = ""

        def message(self, text: str) -> None:
            self.text += text

    heard = Heard()
    config = tiny(*SETTINGS, f"data.folder={moved / 'pictures'}", "data.size=none")
    run_training(GENOTYPE, config, moved / "square", device="cpu", progress=heard)
    assert "of 20 of 20 images, whose shape is another, the middle square is taken; a search or training" in heard.text


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
