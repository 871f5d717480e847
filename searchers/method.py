"""Methods: compositions of parts, found by entry points, so that methods of other packages are peers of ours."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any, ClassVar

from genocc.configuration import Part, merged
from genocc.errors import ConfigError, did_you_mean

from .parts import (
    ArchitectureConfig,
    ChildConfig,
    ConnectionConfig,
    DataConfig,
    DerivationConfig,
    PlacementConfig,
    RelaxationConfig,
    ScheduleConfig,
    SpaceConfig,
    SuperNetConfig,
    TopologyConfig,
    WeightsConfig,
)

GROUP = "genocc.searchers"
"""Entry-point group in which packages register their methods."""


class Method:
    """A composition; subclasses name the parts in which they differ from DARTS on CIFAR-10.

    Attributes:
        name: Its name for ``--method``.
        paper: Its source.
        imagenet: Settings that differ when it searches on ImageNet: nested mappings of configuration fields.
    """

    name: ClassVar[str]
    paper: ClassVar[str]
    space: ClassVar[SpaceConfig] = SpaceConfig()
    topology: ClassVar[TopologyConfig] = TopologyConfig()
    relaxation: ClassVar[RelaxationConfig] = RelaxationConfig()
    connection: ClassVar[ConnectionConfig] = ConnectionConfig()
    placement: ClassVar[PlacementConfig] = PlacementConfig()
    derivation: ClassVar[DerivationConfig] = DerivationConfig()
    schedule: ClassVar[ScheduleConfig] = ScheduleConfig()
    supernet: ClassVar[SuperNetConfig] = SuperNetConfig()
    data: ClassVar[DataConfig] = DataConfig(name="cifar10")
    weights: ClassVar[WeightsConfig] = WeightsConfig()
    architecture: ClassVar[ArchitectureConfig] = ArchitectureConfig()
    child: ClassVar[ChildConfig] = ChildConfig()
    imagenet: ClassVar[Mapping[str, Any]] = {}

    @classmethod
    def defaults(cls, preset: str = "cifar") -> dict[str, Any]:
        """Returns the method's configuration in a preset as nested mappings.

        Raises:
            ConfigError: There is no such preset.
        """
        if preset not in PRESETS:
            raise ConfigError(f"unknown preset '{preset}'; expected one of {', '.join(PRESETS)}")
        parts = {name: value.model_dump() for name in dir(cls) if isinstance(value := getattr(cls, name), Part)}
        own = cls.imagenet if preset == "imagenet" else {}
        return merged(merged(parts, PRESETS[preset]), own)


PRESETS: dict[str, dict[str, Any]] = {
    "quick": {
        "schedule": {"epochs": 12, "batch_size": 64},
        "supernet": {"channels": 8, "layers": 5},
        "data": {"name": "digits", "size": 16, "training": 0.5, "validation": 0.5},
        # a hundred steps in all: larger rates, and an annealing that begins where the alphas matter
        "relaxation": {"temperature": 1.0},
        "weights": {"learning_rate": 0.05},
        "architecture": {"learning_rate": 0.015},
    },
    "cifar": {},
    "imagenet": {
        "schedule": {"batch_size": 1024},
        "supernet": {"skeleton": "imagenet"},
        "data": {"name": "imagefolder", "size": 224, "training": 0.1, "validation": 0.1},
        "weights": {"learning_rate": 0.5, "learning_rate_end": 0.0},
        "architecture": {"learning_rate": 6e-3},
        "budget": {"skeleton": "imagenet"},
    },
}
"""Settings of each preset, which win over those of the method's parts and lose to its ``imagenet``."""


@cache
def methods() -> Mapping[str, type[Method]]:
    """Returns all methods by name, those of other packages included."""
    return {entry.name: entry.load() for entry in entry_points(group=GROUP)}


def get_method(name: str) -> type[Method]:
    """Returns a method by name; raises ConfigError."""
    known = methods()
    if name in known:
        return known[name]
    raise ConfigError(f"unknown method '{name}'; {did_you_mean(name, known)}")
