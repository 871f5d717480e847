"""The configuration of a training: presets of the papers, overrides, refusals."""

from __future__ import annotations

from typing import Any

import pytest

from genocc.errors import ConfigError
from genocc.searchers.settings import descriptions, settings
from genocc.training.config import PRESETS, TrainConfig

PAPERS: dict[str, dict[str, Any]] = {
    "cifar": {
        "network.skeleton": "cifar", "network.channels": 36, "network.layers": 20, "network.auxiliary": True,
        "schedule.epochs": 600, "schedule.batch_size": 96, "schedule.decay": "cosine", "schedule.warmup": 0,
        "optimizer.learning_rate": 0.025, "optimizer.weight_decay": 3e-4, "regularization.drop_path": 0.2,
        "regularization.label_smoothing": 0, "data.cutout": 16, "data.name": "cifar10",
    },
    "imagenet": {
        "network.skeleton": "imagenet", "network.channels": 48, "network.layers": 14, "network.auxiliary": True,
        "schedule.epochs": 250, "schedule.batch_size": 1024, "schedule.decay": "linear", "schedule.warmup": 5,
        "optimizer.learning_rate": 0.5, "optimizer.weight_decay": 3e-5, "regularization.drop_path": 0,
        "regularization.label_smoothing": 0.1, "data.cutout": 0, "data.size": 224,
        "data.center_crop": 224 / 256,
    },
    "shallow": {
        "network.skeleton": "cifar", "network.channels": 16, "network.layers": 5, "network.auxiliary": False,
        "schedule.epochs": 100, "schedule.batch_size": 64, "schedule.decay": "cosine", "schedule.warmup": 0,
        "optimizer.learning_rate": 0.025, "optimizer.weight_decay": 3e-4, "regularization.drop_path": 0.2,
        "regularization.label_smoothing": 0, "data.cutout": 0,
    },
    "pc-darts": {
        "network.channels": 36, "network.layers": 20, "network.auxiliary": True, "schedule.epochs": 600,
        "schedule.batch_size": 128, "optimizer.learning_rate": 0.025, "optimizer.weight_decay": 3e-4,
        "schedule.decay": "cosine", "regularization.drop_path": 0.3, "data.cutout": 16, "data.name": "cifar10",
    },
    "edarts": {
        "network.channels": 32, "network.layers": 20, "network.auxiliary": True, "schedule.epochs": 600,
        "schedule.batch_size": 96, "optimizer.learning_rate": 0.025, "regularization.drop_path": 0.3,
        "data.cutout": 16, "data.name": "cifar10",
    },
    "tiny-imagenet": {
        "network.skeleton": "cifar", "network.stem_stride": 2, "network.channels": 36, "network.layers": 20,
        "schedule.epochs": 600, "optimizer.learning_rate": 0.025, "optimizer.weight_decay": 3e-4,
        "regularization.drop_path": 0.2, "data.cutout": 16, "data.size": 64, "data.name": "imagefolder",
    },
    "ec-darts-imagenet": {
        "network.skeleton": "imagenet", "network.channels": 48, "network.layers": 14, "schedule.epochs": 250,
        "schedule.batch_size": 1024, "optimizer.learning_rate": 0.5, "optimizer.weight_decay": 3e-6,
        "data.size": 224,
    },
    "nas-bench-201": {
        "network.skeleton": "nas-bench-201", "network.channels": 16, "network.layers": 17, "network.auxiliary": False,
        "schedule.epochs": 200, "schedule.batch_size": 256, "schedule.decay": "cosine", "schedule.warmup": 0,
        "optimizer.learning_rate": 0.1, "optimizer.weight_decay": 5e-4, "optimizer.nesterov": True,
        "optimizer.clip": None,
        "regularization.drop_path": 0, "data.cutout": 0, "data.name": "cifar10",
    },
    "quick": {
        "network.channels": 16, "network.layers": 8, "network.auxiliary": False, "data.name": "digits",
        "data.size": 16,
    },
}  # fmt: skip


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_has_the_numbers_of_its_paper(preset: str) -> None:
    found = settings(TrainConfig.make(preset))
    assert {name: found[name] for name in PAPERS[preset]} == PAPERS[preset]
    everywhere = {
        "optimizer.momentum": 0.9, "optimizer.clip": 5, "optimizer.learning_rate_end": 0,
        "regularization.auxiliary_weight": 0.4, "average.decay": None, "data.training": 1,
        "compute.precision": "float32", "distributed.sync_batch_norm": False, "output.tensorboard": False,
    }  # fmt: skip
    assert {name: found[name] for name in everywhere} == everywhere | {
        name: value for name, value in PAPERS[preset].items() if name in everywhere
    }


def test_every_setting_is_described() -> None:
    named = {name for name in settings(TrainConfig.make("cifar")) if "." in name}
    assert descriptions(TrainConfig).keys() == named


def test_settings_are_overridden_in_order() -> None:
    config = TrainConfig.make("quick", ["schedule.epochs=4", "schedule=5", "data.cutout=2"], schedule={"batch_size": 8})
    assert (config.schedule.epochs, config.schedule.batch_size, config.data.cutout) == (5, 8, 2)
    assert config.schedule.update == "step"  # of the preset
    assert TrainConfig.from_dict(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("shedule.epochs=3", "there is no 'shedule'; did you mean 'schedule'?"),
        ("schedule.epoch=3", "there is no 'schedule.epoch'; did you mean 'schedule.epochs'?"),
        ("preset=quick", "there is no 'preset'"),
        ("schedule.epochs=0", "schedule.epochs (--epochs): found 0; expected a number greater than 0"),
        ("regularization.drop_path=1", "regularization.drop_path: found 1"),
        (
            "schedule.warmup=601",
            "schedule.warmup=601 with schedule.epochs=600: the learning rate would not come to its",
        ),
        ("average.decay=1", "average.decay: found 1"),
        ("compute.precision=int8", "compute.precision: found 'int8'"),
        ("optimizer.amsgrad=true", "there is no 'optimizer.amsgrad'"),
    ],
)
def test_what_makes_no_sense_is_refused(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TrainConfig.make("cifar", [override])
    assert message in str(caught.value)


def test_a_preset_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown preset 'fast'; expected one of cifar, imagenet, pc-darts, edarts, "):
        TrainConfig.make("fast")
