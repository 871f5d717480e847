"""`genocc.train`: what a request becomes before anything is trained, and what resuming takes from the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import genocc
from genocc.errors import ConfigError, FileError, RunError
from genocc.genotype import Genotype
from genocc.runs.reading import RUN_GENOTYPE
from genocc.training import request
from genocc.training.config import TrainConfig
from tests.training.tiny import GENOTYPE, tiny

Asked = tuple[Genotype, TrainConfig, Path, dict[str, Any]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Asked]:
    """What would be trained, in a folder without runs."""
    found: list[Asked] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(request, "run_training", lambda g, config, out, **rest: found.append((g, config, out, rest)))
    return found


@pytest.mark.parametrize(
    ("data", "preset", "expected"),
    [(None, None, "quick"), ("fake", None, "quick"), ("cifar10", None, "cifar"), ("fake", "shallow", "shallow")],
)
def test_the_preset_goes_with_the_data(asked: list[Asked], data: str | None, preset: str | None, expected: str) -> None:
    genocc.train(GENOTYPE, data=data, preset=preset)
    assert asked[0][1].preset == expected


def test_what_is_given_wins_over_the_preset_and_overrides_over_both(asked: list[Asked]) -> None:
    network = {"channels": 5, "layers": None}
    genocc.train(
        GENOTYPE, seed=3, epochs=7, size=12, network=network, overrides=["schedule.epochs=8"], tensorboard=True
    )
    genotype, config, folder, options = asked[0]
    assert genotype == GENOTYPE
    assert (config.seed, config.schedule.epochs, config.data.size) == (3, 8, 12)
    assert (config.network.channels, config.network.layers) == (5, 8)  # of the preset
    assert config.output.tensorboard
    assert folder == Path("runs/tiny-digits")
    assert options == {"resume": False, "device": "auto", "progress": None, "track": ()}


def test_a_run_goes_on_with_its_own_genotype_and_settings(asked: list[Asked], training_run: Path) -> None:
    genocc.train(out=training_run, resume=True)
    assert asked[0][:3] == (GENOTYPE, tiny(), training_run)
    other = GENOTYPE.model_copy(update={"name": "other"})
    genocc.train(other, training_run, resume=True)  # the run folder refuses it
    assert asked[1][:2] == (other, tiny())


def test_with_settings_the_configuration_is_the_runs_with_these(asked: list[Asked], training_run: Path) -> None:
    genocc.train(out=training_run, resume=True, epochs=4, overrides=["data.cutout=2"], data="fake")
    assert asked[0][:2] == (GENOTYPE, tiny("schedule.epochs=4", "data.cutout=2"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 60}, r"schedule.epochs \(--epochs\) is 3, not 60"),
        ({"epochs": 0}, r"schedule.epochs \(--epochs\) is 3, not 0"),
        ({"overrides": ["schedule.warmup=9"]}, r"schedule.warmup is 1, not 9"),  # more than there are epochs
        ({"data": "digits"}, r"data.name \(--data\) is \"fake\", not \"digits\""),
        ({"preset": "quick"}, r"preset \(--preset\) is \"cifar\", not \"quick\""),
        ({"size": "8x12"}, r"data.size \(--input-size\) is 8, not \[8, 12\]"),
        ({"seed": 1}, r"seed \(--seed\) is 0, not 1"),
        ({"network": {"channels": 8}}, r"network.channels \(--channels\) is 4, not 8"),
        ({"tensorboard": True}, r"output.tensorboard \(--tensorboard\) is false, not true"),
    ],
)
def test_a_setting_that_is_not_the_runs_is_named_and_no_other(
    training_run: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(RunError, match=rf"config.json: {message}; a run keeps its settings"):
        genocc.train(out=training_run, resume=True, **options)


def test_a_genotype_is_loaded_from_wherever_it_is(asked: list[Asked], training_run: Path, tmp_path: Path) -> None:
    for source in ("zoo:darts-v2", training_run, training_run / RUN_GENOTYPE):
        genocc.train(source, tmp_path / "run")
    assert [genotype.name for genotype, *_ in asked] == ["darts-v2", "tiny", "tiny"]
    with pytest.raises(FileError, match="no such file"):
        genocc.train(tmp_path / "none.json")


def test_a_request_without_genotype_or_folder_is_refused(asked: list[Asked]) -> None:
    with pytest.raises(ConfigError, match="no GENOTYPE to train"):
        genocc.train()
    with pytest.raises(ConfigError, match="--resume needs --out: the folder of the run that is to go on"):
        genocc.train(GENOTYPE, resume=True)
    assert not asked
