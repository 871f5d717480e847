"""The configuration of a training, and the presets of the papers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

from genocc.configuration import Configuration, Seed, merged
from genocc.errors import ConfigError
from genocc.training.settings import (
    AverageConfig,
    ComputeConfig,
    DistributedConfig,
    OptimizerConfig,
    OutputConfig,
    RegularizationConfig,
    TargetConfig,
    TrainingImagesConfig,
    TrainingScheduleConfig,
)


class TrainConfig(Configuration):
    """Everything needed to repeat a training of a genotype. Made with `TrainConfig.make`."""

    what: ClassVar[str] = "training configuration"
    chosen: ClassVar[tuple[str, ...]] = ("preset",)

    preset: Literal["quick", "cifar", "imagenet", "shallow"] = "cifar"
    seed: Seed = 0
    network: TargetConfig = TargetConfig()
    schedule: TrainingScheduleConfig = TrainingScheduleConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    regularization: RegularizationConfig = RegularizationConfig()
    average: AverageConfig = AverageConfig()
    compute: ComputeConfig = ComputeConfig()
    distributed: DistributedConfig = DistributedConfig()
    data: TrainingImagesConfig = TrainingImagesConfig()
    output: OutputConfig = OutputConfig()

    @classmethod
    def make(cls, preset: str = "cifar", overrides: Iterable[str] = (), **fields: Any) -> TrainConfig:
        """Returns the configuration of a preset.

        Args:
            preset: A key of ``PRESETS``.
            overrides: Texts ``part.field=value`` as `--set` takes them, later ones winning.
            **fields: Parts as nested mappings, and ``seed``; they win over the preset and lose to ``overrides``.

        Raises:
            ConfigError: A name is unknown, a value is out of range, or the combination has no meaning.
        """
        if preset not in PRESETS:
            raise ConfigError(f"unknown preset '{preset}'; expected one of {', '.join(PRESETS)}")
        return cls.overridden({"preset": preset, **merged(PRESETS[preset], fields)}, overrides)


PRESETS: dict[str, Mapping[str, Any]] = {
    "cifar": {"data": {"name": "cifar10", "cutout": 16}},  # what is not named here is the default: EnTranNAS 4.2
    "imagenet": {  # EnTranNAS 4.3; warm-up and auxiliary head: PC-DARTS 4.3
        "network": {"skeleton": "imagenet", "channels": 48, "layers": 14},
        "schedule": {"epochs": 250, "batch_size": 1024, "decay": "linear", "warmup": 5},
        "optimizer": {"learning_rate": 0.5, "weight_decay": 3e-5},
        "regularization": {"drop_path": 0.0, "label_smoothing": 0.1},
        "data": {"name": "imagefolder", "size": 224},
    },
    "shallow": {  # eDARTS III-D and IV-A: a cell is judged by a small net, without cutout and auxiliary head
        "network": {"channels": 16, "layers": 5, "auxiliary": False},
        "schedule": {"epochs": 100, "batch_size": 64},
        "data": {"name": "cifar10"},
    },
    "quick": {  # ours: a minute on two cores; maps of 4x4 are too small for an auxiliary head
        "network": {"channels": 16, "layers": 8, "auxiliary": False},
        "schedule": {"epochs": 12, "batch_size": 64, "warmup": 1, "update": "step"},
        "optimizer": {"learning_rate": 0.1},
        "regularization": {"drop_path": 0.0},
        "data": {"name": "digits", "size": 16},
    },
}
"""Settings of each preset that differ from the defaults, which are those of the papers on CIFAR-10."""
