"""What configurations of runs have in common: made of parts, overridden by `--set`, refused with the reason.

`--set part.field=value` addresses a field by its dotted path; a part's own name stands for its first field
(`--set relaxation=cen`, `--set placement=half`).
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ValidationError

from genocc.errors import ConfigError, expectation

from .parts import Part

OPTIONS = {
    "seed": "--seed",
    "schedule.epochs": "--epochs",
    "data.size": "--input-size",
    "budget.max_macs": "--max-macs",
    "budget.max_params": "--max-params",
    "budget.penalty_macs": "--penalty-macs",
    "network.skeleton": "--skeleton",
    "network.channels": "--channels",
    "network.layers": "--layers",
    "network.stem_stride": "--stem-stride",
    "sample": "--sample",
    "top": "--top",
    "validation": "--validation",
}
"""Settings that have an option of their own, which messages name too."""


class Configuration(Part):
    """Everything needed to repeat a run; its fields are parts, or values of their own.

    Attributes:
        what: What messages call it.
        chosen: Fields that have an argument of their own and are no settings.
    """

    what: ClassVar[str]
    chosen: ClassVar[tuple[str, ...]]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str | None = None) -> Self:
        """Returns the configuration that plain data (a run's config.json) describe; raises ConfigError."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise ConfigError(_explain(error, where or cls.what)) from None

    @classmethod
    def overridden(cls, data: Mapping[str, Any], overrides: Iterable[str]) -> Self:
        """Returns the configuration of plain data after texts as `--set` takes them, later ones winning.

        Raises:
            ConfigError: A name is unknown, a value is out of range, or the combination has no meaning.
        """
        found = merged(data, {})
        for text in overrides:
            assign(found, *cls.parse_override(text))
        return cls.from_dict(found)

    @classmethod
    def parse_override(cls, text: str) -> tuple[tuple[str, ...], Any]:
        """Returns the path and the value that ``part.field=value`` means.

        The value is JSON where it reads as such (``0.1``, ``true``, ``[[0,1],[0,1],[1,2],[0,1]]``), ``none`` is null,
        anything else is text.

        Raises:
            ConfigError: There is no such part or field; the message offers the closest.
        """
        path, equals, value = text.partition("=")
        names = path.strip().split(".")
        if not equals or not value.strip():
            raise ConfigError(f"--set {text}: expected part.field=value, such as data.cutout=16")
        part = _known(names[0], [name for name in cls.model_fields if name not in cls.chosen], text)
        model = cls.model_fields[part].annotation
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


def _known(name: str, choices: Iterable[str], text: str, prefix: str = "") -> str:
    choices = list(choices)
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
    option = f" ({OPTIONS[path]})" if path in OPTIONS else ""
    return f"{where}: {path}{option}: found {first['input']!r}; {expectation(first['msg'])}"
