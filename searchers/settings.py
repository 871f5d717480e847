"""The settings of a search as a flat table, read off the configuration's models: what `genocc methods` prints."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

from genocc.configuration import Configuration, Part

from .config import SearchConfig
from .method import methods


def settings(config: Configuration) -> dict[str, Any]:
    """Returns dotted path -> value of every field, as `--set` addresses it."""
    data = config.model_dump(mode="json", exclude={*config.chosen})
    return {
        f"{part}.{name}" if isinstance(fields, Mapping) else part: value
        for part, fields in data.items()
        for name, value in (fields if isinstance(fields, Mapping) else {part: fields}).items()
    }


def settings_by_method(preset: str = "cifar") -> dict[str, dict[str, Any]]:
    """Returns method -> dotted path -> value, in a preset."""
    return {name: settings(SearchConfig.make(name, preset)) for name in methods()}


def differences(table: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Returns the settings in which the methods of `settings_by_method` differ, in order."""
    names = list(next(iter(table.values())))
    return [name for name in names if len({format_value(values[name]) for values in table.values()}) > 1]


def format_value(value: Any) -> str:
    """Returns a setting's value as a short text for tables."""
    if isinstance(value, dict):
        return " ".join(f"{name}:{factor:g}" for name, factor in value.items()) or "-"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value).replace(" ", "")


def descriptions(of: type[Configuration] = SearchConfig) -> dict[str, str]:
    """Returns dotted path -> meaning of a setting, from the docstring of its part."""
    found: dict[str, str] = {}
    for part, field in of.model_fields.items():
        model = field.annotation
        if isinstance(model, type) and issubclass(model, Part):
            bases = [base for base in reversed(model.__mro__) if issubclass(base, Part)]
            found |= {f"{part}.{name}": text for base in bases for name, text in _attributes(base).items()}
    return found


def _attributes(model: type[Part]) -> dict[str, str]:
    """The ``Attributes:`` of a Google-style docstring."""
    text = inspect.getdoc(model) or ""
    _, _, listed = text.partition("Attributes:\n")
    entries = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", listed, flags=re.MULTILINE)
    return {name: " ".join(description.split()) for name, description in entries}
