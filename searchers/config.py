"""The configuration of a search: the parts, their defaults from method and preset, and what makes no sense together.

`--set part.field=value` addresses a field by its dotted path; a part's own name stands for its first field
(`--set relaxation=cen`, `--set placement=half`). What the method, the preset and the command line say is merged in
that order, validated once, and refused with the reason where a combination has no meaning.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from genocc.errors import ConfigError

from .parts import (
    ArchitectureConfig,
    BudgetConfig,
    ConnectionConfig,
    DataConfig,
    DerivationConfig,
    Part,
    PlacementConfig,
    RelaxationConfig,
    ScheduleConfig,
    SpaceConfig,
    SuperNetConfig,
    TopologyConfig,
    WeightsConfig,
    refuse,
)

if TYPE_CHECKING:
    from .methods import Method


class SearchConfig(Part):
    """Everything needed to repeat a search. Made with `SearchConfig.make`."""

    method: str
    preset: Literal["quick", "cifar", "imagenet"] = "cifar"
    seed: int = Field(default=0, ge=0)
    space: SpaceConfig = SpaceConfig()
    topology: TopologyConfig = TopologyConfig()
    relaxation: RelaxationConfig = RelaxationConfig()
    connection: ConnectionConfig = ConnectionConfig()
    placement: PlacementConfig = PlacementConfig()
    derivation: DerivationConfig = DerivationConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    supernet: SuperNetConfig = SuperNetConfig()
    data: DataConfig = DataConfig()
    weights: WeightsConfig = WeightsConfig()
    architecture: ArchitectureConfig = ArchitectureConfig()
    budget: BudgetConfig = BudgetConfig()

    @model_validator(mode="after")
    def _meaningful(self) -> Self:
        searched = [name for name in self.space.operations if name != "none"]
        if self.relaxation.dst and len(searched) < len(self.space.operations):
            instead = f"space={self.space.name}-no-zero" if isinstance(self.space.name, str) else "a list without it"
            refuse(
                f"relaxation.dst=true with search space '{self.space.name}': an operation that is cut is the absence "
                f"of an edge already, so 'none' would mean it twice (EnTranNAS A.2); use {instead}"
            )
        if self.derivation.rule == "non-zero" and not self.relaxation.dst:
            refuse(
                "derivation.rule=non-zero without relaxation.dst=true: a softmax is never zero, so every operation of "
                "every edge would be derived; use derivation.rule=top-k or relaxation.dst=true"
            )
        for name, ratio in (("partial", self.connection.partial), ("bottleneck", self.connection.bottleneck or 1)):
            if self.supernet.channels % (ratio * (2 if "skip_connect" in searched else 1)):
                refuse(
                    f"connection.{name}={ratio} does not fit supernet.channels={self.supernet.channels}: the "
                    f"operations work on C/{ratio} channels, which a factorized reduce halves; choose a multiple of "
                    f"{2 * ratio}"
                )
        return self

    @classmethod
    def make(
        cls,
        method: str | type[Method] = "entrannas-dst",
        preset: str = "cifar",
        overrides: Iterable[str] = (),
        **fields: Any,
    ) -> SearchConfig:
        """Returns the configuration of a method in a preset.

        Args:
            method: A registered method (see `genocc methods`), or a `Method` that need not be registered.
            preset: ``quick`` (minutes on a CPU), ``cifar`` or ``imagenet`` (the papers' settings).
            overrides: Texts ``part.field=value`` as `--set` takes them, later ones winning.
            **fields: Parts as nested mappings, and ``seed``; they win over the method and lose to ``overrides``.

        Raises:
            ConfigError: A name is unknown, a value is out of range, or the combination has no meaning.
        """
        from .methods import get_method

        composition = get_method(method) if isinstance(method, str) else method
        data = merged(composition.defaults(preset), fields)
        for text in overrides:
            assign(data, *parse_override(text))
        return cls.from_dict({"method": composition.name, "preset": preset, **data})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "search configuration") -> SearchConfig:
        """Returns the configuration that plain data (a run's config.json) describe; raises ConfigError."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise ConfigError(_explain(error, where)) from None


def parse_override(text: str) -> tuple[tuple[str, ...], Any]:
    """Returns the path and the value that ``part.field=value`` means.

    The value is JSON where it reads as such (``0.1``, ``true``, ``[[0,1],[0,1],[1,2],[0,1]]``), ``none`` is null,
    anything else is text.

    Raises:
        ConfigError: There is no such part or field; the message offers the closest.
    """
    path, equals, value = text.partition("=")
    names = path.strip().split(".")
    if not equals or not value.strip():
        raise ConfigError(f"--set {text}: expected part.field=value, such as relaxation.temperature=5")
    part = _known(names[0], SearchConfig.model_fields, text)
    model = SearchConfig.model_fields[part].annotation
    fields = model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}
    if fields and len(names) == 1:
        names.append(next(iter(fields)))
    depth = 2 if fields else 1
    if fields:
        _known(names[1], fields, text, f"{part}.")
        depth += fields[names[1]].default_factory is dict  # relaxation.attention.sep_conv_3x3
    if len(names) > depth:
        whole = ".".join(names[:depth])
        raise ConfigError(f"--set {text}: {whole} has no fields; expected {whole}=value")
    return tuple(names), _value(value)


def assign(data: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    """Sets a value in nested mappings, in place."""
    *parents, last = path
    for name in parents:
        data = data.setdefault(name, {})
    data[last] = value


def merged(data: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Returns nested mappings merged key by key, the second winning; neither is part of the result."""
    result = {key: merged(value, {}) if isinstance(value, Mapping) else value for key, value in data.items()}
    for key, value in other.items():
        if isinstance(value, Mapping):
            old = result.get(key)
            result[key] = merged(old if isinstance(old, Mapping) else {}, value)
        else:
            result[key] = value
    return result


def _known(name: str, names: Iterable[str], text: str, prefix: str = "") -> str:
    choices = [choice for choice in names if choice not in ("method", "preset")]
    if name in choices:
        return name
    close = difflib.get_close_matches(name, choices, n=1)
    hint = f"did you mean '{prefix}{close[0]}'?" if close else f"expected one of {', '.join(choices)}"
    raise ConfigError(f"--set {text}: there is no '{prefix}{name}'; {hint}")


def _value(text: str) -> Any:
    text = text.strip()
    if text.lower() in ("none", "true", "false"):
        return {"none": None, "true": True, "false": False}[text.lower()]
    try:
        return json.loads(text)
    except ValueError:
        return text


def _explain(error: ValidationError, where: str) -> str:
    first = error.errors(include_url=False)[0]
    if first["type"] == "combination":
        return str(first["msg"])
    path = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"{where}: unknown field {path}; remove it"
    return f"{where}: {path}: found {first['input']!r}; {first['msg'][0].lower()}{first['msg'][1:]}"
