"""The six methods, each a composition of parts; a third party's package registers its own in ``genocc.searchers``."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any, ClassVar

from pydantic import BaseModel

from genocc.errors import ConfigError

from .config import SearchConfig
from .configuration import merged
from .parts import (
    ArchitectureConfig,
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
from .ranking.shipped import best_topology

GROUP = "genocc.searchers"
"""Entry-point group in which packages register their methods."""


class Method:
    """A composition; subclasses name the parts in which they differ from DARTS on CIFAR-10.

    Attributes:
        name: What ``--method`` calls it.
        paper: Where it is from.
        imagenet: What is different when it searches on ImageNet: nested mappings of configuration fields.
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
    imagenet: ClassVar[Mapping[str, Any]] = {}

    @classmethod
    def defaults(cls, preset: str = "cifar") -> dict[str, Any]:
        """Returns the method's configuration in a preset as nested mappings.

        Raises:
            ConfigError: There is no such preset.
        """
        if preset not in PRESETS:
            raise ConfigError(f"unknown preset '{preset}'; expected one of {', '.join(PRESETS)}")
        parts = {name: value.model_dump() for name, value in _parts(cls).items()}
        own = cls.imagenet if preset == "imagenet" else {}
        return merged(merged(parts, PRESETS[preset]), own)


class Darts(Method):
    """DARTS: every operation on every edge, weighted by a softmax; the top two edges a node are kept."""

    name = "darts"
    paper = "Liu et al., DARTS, ICLR 2019"


class PcDarts(Method):
    """PC-DARTS: operations see 1/K of the channels; edges get weights of their own."""

    name = "pc-darts"
    paper = "Xu et al., PC-DARTS, ICLR 2020"
    relaxation = RelaxationConfig(edge_normalization=True)
    connection = ConnectionConfig(partial=4)
    schedule = ScheduleConfig(warmup=0.3, batch_size=256)
    weights = WeightsConfig(learning_rate=0.1, learning_rate_end=0.0)
    architecture = ArchitectureConfig(learning_rate=6e-4)
    imagenet: ClassVar[Mapping[str, Any]] = {
        "connection": {"partial": 2},
        "schedule": {"warmup": 0.7},
        "data": {"validation": 0.025},
        "weights": {"weight_decay": 3e-5},
    }


class EcDarts(Method):
    """EC-DARTS: an operation competes with itself on a node's other edges (CEN); IST trains the derived model too."""

    name = "ec-darts"
    paper = "Zhou et al., EC-DARTS, ICCV 2021"
    relaxation = RelaxationConfig(normalization="cen")
    schedule = ScheduleConfig(epochs=25, ist=True)
    imagenet: ClassVar[Mapping[str, Any]] = {"schedule": {"epochs": 30}, "data": {"validation": 0.025}}


class EDarts(Method):
    """eDARTS: two fixed edges a node, attention to operations, a small subset, one architecture step an epoch."""

    name = "edarts"
    paper = "Siddiqui et al., eDARTS, ICPR 2020"
    topology = TopologyConfig(edges="fixed", predecessors=best_topology())  # docs/results/rank-topologies.md
    relaxation = RelaxationConfig(
        attention={"sep_conv_3x3": 6e-4, "sep_conv_5x5": 4e-4, "dil_conv_5x5": -6e-4, "dil_conv_3x3": -4e-4}
    )
    derivation = DerivationConfig(rule="argmax")
    schedule = ScheduleConfig(order=2, architecture_steps="epoch")
    supernet = SuperNetConfig(layers=5)
    data = DataConfig(name="cifar10", training=2500, validation=2500)


class EnTranNas(Method):
    """EnTranNAS: two mixed cells are the engine, the others carry the derived architecture; features are shared."""

    name = "entrannas"
    paper = "Yang et al., EnTranNAS, CVPR 2021"
    relaxation = RelaxationConfig(temperature=5.0, temperature_ratio=0.923)
    connection = ConnectionConfig(share=True, bottleneck=4)
    placement = PlacementConfig(engine="first")
    schedule = ScheduleConfig(batch_size=512)
    weights = WeightsConfig(learning_rate=0.2, learning_rate_end=0.0)
    architecture = ArchitectureConfig(learning_rate=6e-4)


class EnTranNasDst(EnTranNas):
    """EnTranNAS-DST: a learned threshold cuts coefficients to zero; whatever is left is the architecture."""

    name = "entrannas-dst"
    space = SpaceConfig(name="darts-no-zero")
    relaxation = RelaxationConfig(temperature=5.0, temperature_ratio=0.923, dst=True)
    derivation = DerivationConfig(rule="non-zero")
    imagenet: ClassVar[Mapping[str, Any]] = {"relaxation": {"temperature": 1.0, "temperature_ratio": 0.9}}


PRESETS: dict[str, dict[str, Any]] = {
    "quick": {
        "schedule": {"epochs": 12, "batch_size": 64},
        "supernet": {"channels": 8, "layers": 5},
        "data": {"name": "digits", "size": 16, "training": 0.5, "validation": 0.5},
        # a hundred steps in all: larger ones for the alphas, and an annealing that begins where they matter
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
"""What a preset changes of every method."""


@cache
def methods() -> Mapping[str, type[Method]]:
    """Returns all methods by name, those of other packages included."""
    return {entry.name: entry.load() for entry in entry_points(group=GROUP)}


def get_method(name: str) -> type[Method]:
    """Returns a method by name; raises ConfigError."""
    known = methods()
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean '{close[0]}'?" if close else f"expected one of {', '.join(known)}"
    raise ConfigError(f"unknown method '{name}'; {hint}")


def _parts(method: type[Method]) -> dict[str, BaseModel]:
    named = {name: getattr(method, name, None) for name in SearchConfig.model_fields}
    return {name: value for name, value in named.items() if isinstance(value, BaseModel)}
