"""Methods: compositions of parts, found by entry points, so that methods of other packages are peers of ours."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from genocc import plugins
from genocc.configuration import Part, merged
from genocc.errors import ConfigError, GenoccError, did_you_mean, quoted

from .parts import (
    AllCells,
    AllEdges,
    AlternatingSchedule,
    ArchitectureConfig,
    ChildConfig,
    Connection,
    DataConfig,
    Derivation,
    ExpectedMacs,
    Penalty,
    Placement,
    Relaxation,
    Schedule,
    Softmax,
    SpaceConfig,
    Sparsity,
    SuperNetConfig,
    TopK,
    Topology,
    WeightedSum,
    WeightsConfig,
)
from .registry import OpenPart, bring

GROUP = "genocc.searchers"
"""Entry-point group in which packages register their methods."""


class Method:
    """A composition; subclasses name the parts in which they differ from DARTS on CIFAR-10.

    Attributes:
        name: Its name for ``--method``.
        paper: Its source.
        penalties: Beside `COMMON_PENALTIES`, or one of them with other settings.
        quick: Settings that differ in the preset ``quick``: nested mappings of configuration fields.
        imagenet: The same for the preset ``imagenet``.
        presets: The same by preset; these win over the former two.
    """

    name: ClassVar[str]
    paper: ClassVar[str]
    space: ClassVar[SpaceConfig] = SpaceConfig()
    topology: ClassVar[Topology] = AllEdges()
    relaxation: ClassVar[Relaxation] = Softmax()
    connection: ClassVar[Connection] = WeightedSum()
    placement: ClassVar[Placement] = AllCells()
    derivation: ClassVar[Derivation] = TopK()
    schedule: ClassVar[Schedule] = AlternatingSchedule()
    penalties: ClassVar[tuple[Penalty, ...]] = ()
    supernet: ClassVar[SuperNetConfig] = SuperNetConfig()
    data: ClassVar[DataConfig] = DataConfig(name="cifar10")
    weights: ClassVar[WeightsConfig] = WeightsConfig()
    architecture: ClassVar[ArchitectureConfig] = ArchitectureConfig()
    child: ClassVar[ChildConfig] = ChildConfig()
    quick: ClassVar[Mapping[str, Any]] = {}
    imagenet: ClassVar[Mapping[str, Any]] = {}
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    @classmethod
    def open_parts(cls) -> list[OpenPart]:
        """Returns the parts that are choices among classes, penalties included."""
        return [*_open(cls).values(), *COMMON_PENALTIES, *cls.penalties]

    @classmethod
    def defaults(cls, preset: str = "cifar") -> dict[str, Any]:
        """Returns the method's configuration in a preset as nested mappings.

        Raises:
            ConfigError: There is no such preset.
        """
        if preset not in PRESETS:
            raise ConfigError(f"unknown preset '{preset}'; expected one of {', '.join(PRESETS)}")
        parts = {name: value.model_dump() for name in dir(cls) if isinstance(value := getattr(cls, name), Part)}
        of_parts = {name: part.presets.get(preset, {}) for name, part in _open(cls).items()}
        penalties = {part.name: part.model_dump() for part in (*COMMON_PENALTIES, *cls.penalties)}
        data = merged(merged(parts, PRESETS[preset]), {**of_parts, "penalties": penalties})
        return merged(data, {"quick": cls.quick, "imagenet": cls.imagenet, **cls.presets}.get(preset, {}))


COMMON_PENALTIES: tuple[Penalty, ...] = (Sparsity(), ExpectedMacs())
"""Penalties of every method; each adds a term where it has a meaning."""


PRESETS: dict[str, dict[str, Any]] = {
    "quick": {
        "schedule": {"epochs": 12, "batch_size": 64},
        "supernet": {"channels": 8, "layers": 5},
        "data": {"name": "digits", "size": 16, "training": 0.5, "validation": 0.5},
        # a hundred steps in all: larger rates
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
    "nas-bench-201": {  # Dong and Yang, ICLR 2020, Section 2.1: 15,625 cells, and the net around them
        "space": {"name": "nas-bench-201"},
        "supernet": {"skeleton": "nas-bench-201", "channels": 16, "layers": 17},
        "budget": {"skeleton": "nas-bench-201"},
    },
}
"""Settings of each preset, which win over those of the method's parts; `OpenPart.presets` has those of a choice of
part, and both lose to the method's own, ``quick`` or ``imagenet``."""


@cache
def methods() -> Mapping[str, type[Method]]:
    """Returns all registered methods by name, those of other packages included; raises GenoccError at a broken one."""
    return {name: get_method(name) for name in plugins.names(GROUP)}


def get_method(name: Any) -> type[Method]:
    """Returns a method by name, and makes its parts known.

    Raises:
        ConfigError: There is none of that name.
        GenoccError: Its package is broken.
    """
    if not isinstance(name, str):  # which a configuration in a file need not be
        raise ConfigError(f"unknown method {quoted(name)}; {did_you_mean('', plugins.names(GROUP))}")
    if name in _BROUGHT:
        return _BROUGHT[name]
    if name not in plugins.names(GROUP):
        raise ConfigError(f"unknown method {quoted(name)}; {did_you_mean(name, plugins.names(GROUP))}")
    found = plugins.load(GROUP, name, type)
    if not issubclass(found, Method):
        raise GenoccError(f"method '{name}': {found.__module__}.{found.__qualname__} is not a class of Method")
    method: type[Method] = found
    _check(name, method)
    _bring_parts(method)
    return method


def _check(name: str, method: type[Method]) -> None:
    """Raises GenoccError where a class lacks what `Method` asks for, or has it of another kind."""
    where = f"method '{name}': {method.__module__}.{method.__qualname__}"
    if (own := getattr(method, "name", None)) != name:
        raise GenoccError(f"{where}: its name is {quoted(own)}; expected {name!r}, the name it is registered by")
    if not isinstance(paper := getattr(method, "paper", None), str):
        raise GenoccError(f"{where}: its paper is {quoted(paper)}; expected a text")
    for part, usual in vars(Method).items():
        kind = next((base for base in type(usual).__mro__ if base.__dict__.get("group")), type(usual))
        if isinstance(usual, Part) and not isinstance(found := getattr(method, part), kind):
            raise GenoccError(f"{where}: its {part} is {quoted(found)}; expected an object of {kind.__name__}")


def bring_method(method: type[Method]) -> None:
    """Makes a method that no package has registered, and its parts, known to this process.

    Raises:
        ConfigError: A part has the name of another class, which a package has registered.
    """
    _bring_parts(method)
    if method.name not in plugins.names(GROUP):
        _BROUGHT[method.name] = method


_BROUGHT: dict[str, type[Method]] = {}


def _bring_parts(method: type[Method]) -> None:
    for part in method.open_parts():
        bring(type(part))


def _open(method: type[Method]) -> dict[str, OpenPart]:
    return {name: value for name in dir(method) if isinstance(value := getattr(method, name), OpenPart)}
