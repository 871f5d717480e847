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

    preset: Literal[
        "quick",
        "cifar",
        "imagenet",
        "shallow",
        "pc-darts",
        "edarts",
        "tiny-imagenet",
        "ec-darts-imagenet",
        "nas-bench-201",
    ] = "cifar"
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


_CIFAR: Mapping[str, Any] = {"data": {"name": "cifar10", "cutout": 16}}  # the rest are defaults: EnTranNAS 4.2
_IMAGENET: Mapping[str, Any] = {  # EnTranNAS 4.3; warm-up and auxiliary head: PC-DARTS 4.3
    "network": {"skeleton": "imagenet", "channels": 48, "layers": 14},
    "schedule": {"epochs": 250, "batch_size": 1024, "decay": "linear", "warmup": 5},
    "optimizer": {"learning_rate": 0.5, "weight_decay": 3e-5},
    "regularization": {"drop_path": 0.0, "label_smoothing": 0.1},
    "data": {"name": "imagefolder", "size": 224, "center_crop": 0.875},  # 224 of 256: the PC-DARTS program
}
_PC_DARTS: Mapping[str, Any] = merged(  # PC-DARTS 4.2
    _CIFAR, {"schedule": {"batch_size": 128}, "regularization": {"drop_path": 0.3}}
)
PRESETS: dict[str, Mapping[str, Any]] = {
    "cifar": _CIFAR,
    "imagenet": _IMAGENET,
    "pc-darts": _PC_DARTS,
    "edarts": merged(  # eDARTS IV-E: as P-DARTS and PC-DARTS, but for the batch and C
        _PC_DARTS, {"schedule": {"batch_size": 96}, "network": {"channels": 32}}
    ),
    "tiny-imagenet": merged(  # EC-DARTS 5.4: as on CIFAR, but for the stem; images of 64x64: 5.2
        _CIFAR, {"network": {"stem_stride": 2}, "data": {"name": "imagefolder", "size": 64}}
    ),
    "ec-darts-imagenet": merged(  # EC-DARTS 5.5 prints this decay; what it does not print: as `imagenet`
        _IMAGENET, {"optimizer": {"weight_decay": 3e-6}}
    ),
    "shallow": {  # eDARTS III-D and IV-A: a cell is judged by a small net, without cutout and auxiliary head
        "network": {"channels": 16, "layers": 5, "auxiliary": False},
        "schedule": {"epochs": 100, "batch_size": 64},
        "data": {"name": "cifar10"},
    },
    "nas-bench-201": {  # NAS-Bench-201, Table 1 and Section 2.3; that gradients are not clipped: its program
        "network": {"skeleton": "nas-bench-201", "channels": 16, "layers": 17, "auxiliary": False},
        "schedule": {"epochs": 200, "batch_size": 256},
        "optimizer": {"learning_rate": 0.1, "weight_decay": 5e-4, "nesterov": True, "clip": None},
        "regularization": {"drop_path": 0.0},
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
"""Settings of each preset that differ from the defaults, which are those of the papers on CIFAR-10.

- ``cifar``: EnTranNAS 4.2; EC-DARTS 5.3 prints the same, and no batch size.
- ``imagenet``: EnTranNAS 4.3 and PC-DARTS 4.3.
- ``pc-darts``: PC-DARTS 4.2, CIFAR-10.
- ``edarts``: eDARTS IV-E, CIFAR-10 and CIFAR-100.
- ``tiny-imagenet``: EC-DARTS 5.4. Cutout stays 16 on images of 64x64, since only the stem is said to differ.
- ``ec-darts-imagenet``: EC-DARTS 5.5.
- ``shallow``: eDARTS III-D and IV-A.
- ``nas-bench-201``: Dong and Yang, NAS-Bench-201 (ICLR 2020), Table 1, and their program (D-X-Y/AutoDL-Projects).
- ``quick``: ours.
"""
