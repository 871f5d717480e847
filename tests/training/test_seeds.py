"""`genocc train --seeds`: a run per seed, mean and deviation, resuming, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from statistics import mean, stdev

import pytest

import genocc
from genocc.errors import ConfigError, DataError, RunError
from genocc.runs.reading import CONFIG, RUN_LAST, RUN_SEEDS, TRAIN_SEEDS
from genocc.training.request import train
from genocc.training.result import TrainResult, over_seeds
from genocc.training.seeds import read_training_seeds, run_training_seeds
from genocc.training.training import run_training
from tests.training.tiny import GENOTYPE, assert_same, tiny

CONFIGURATION = tiny("schedule.epochs=2", "data.validation=30")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seeds") / "whole"
    run_training_seeds(GENOTYPE, CONFIGURATION, 2, folder, device="cpu")
    return folder


def test_a_seed_s_run_is_that_of_the_seed_alone(whole: Path, tmp_path: Path) -> None:
    alone = CONFIGURATION.model_copy(update={"seed": 1})
    run_training(GENOTYPE, alone, tmp_path / "alone", device="cpu")
    assert_same(whole / "seed-1", tmp_path / "alone")
    assert not (whole / "seed-2").exists()


def test_mean_and_deviation_are_those_of_the_runs(whole: Path) -> None:
    results = [TrainResult.read(whole / f"seed-{seed}") for seed in range(2)]
    found = over_seeds(results)
    assert json.loads((whole / RUN_SEEDS).read_text()) == found
    tops = [result.last_top1 for result in results]
    assert found["last"] == {"mean": mean(tops), "deviation": stdev(tops), "values": tops}
    assert found["test"]["values"] == [result.test["top1"] for result in results if result.test]
    assert over_seeds(results[:1])["best"]["deviation"] is None
    shown = train(out=whole, resume=True, device="cpu")
    assert [one.path.name for one in shown.seeds] == ["seed-0", "seed-1"]
    assert shown.best_top1 == max(result.best_top1 for result in results)
    plain = shown.to_dict()
    assert plain["over_seeds"] == found
    assert [one["seed"] for one in plain["seeds"]] == [0, 1]
    assert "seeds" not in plain["seeds"][0]


def test_what_is_missing_is_trained_and_nothing_else(whole: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "run"))
    (folder / RUN_SEEDS).unlink()
    shutil.rmtree(folder / "seed-1")
    first = (folder / "seed-0" / RUN_LAST).stat()
    train(out=folder, resume=True, device="cpu")
    assert_same(folder / "seed-1", whole / "seed-1")
    assert (folder / RUN_SEEDS).read_bytes() == (whole / RUN_SEEDS).read_bytes()
    assert (folder / "seed-0" / RUN_LAST).stat() == first


def test_what_is_not_the_run_s_is_named(whole: Path, training_run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"seeds \(--seeds\) is 2, not 3"):
        train(out=whole, seeds=3, resume=True)
    with pytest.raises(RunError, match=r"training\.schedule\.epochs \(--epochs\) is 2, not 4"):
        train(out=whole, epochs=4, resume=True)
    with pytest.raises(RunError, match="is one training; --seeds 2 asks for several"):
        train(out=training_run, seeds=2, resume=True)
    with pytest.raises(ConfigError, match="--seeds 0: expected 1 to 1000"):
        train(GENOTYPE, tmp_path / "none", seeds=0)
    with pytest.raises(RunError, match=r"several trainings; name one of them, such as .*seed-0"):
        genocc.load(whole)
    assert genocc.load(whole / "seed-1") == GENOTYPE


def test_a_wrong_request_leaves_no_run(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--validation 5000: of 1,000 training images none is left to train on"):
        train(GENOTYPE, tmp_path / "a", data="fake", seeds=2, validation=5000, size=8)
    assert not (tmp_path / "a" / CONFIG).exists()


def test_several_processes_train_one_net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(ConfigError, match="--seeds with torchrun"):
        run_training_seeds(GENOTYPE, CONFIGURATION, 2, tmp_path / "a")


@pytest.mark.parametrize(("name", "value"), [("seeds", "two"), ("training", [])])
def test_a_changed_configuration_is_named(tmp_path: Path, name: str, value: object) -> None:
    config = {"seeds": 2, "training": {}, name: value}
    (tmp_path / CONFIG).write_text(json.dumps({"command": TRAIN_SEEDS, "config": config}))
    with pytest.raises(ConfigError, match=f"{name}: found"):
        read_training_seeds(tmp_path)
