"""The settings of a search as a flat table, read off the configuration's models: what `genocc methods` prints."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any

from genocc import plugins
from genocc.configuration import Configuration, Part
from genocc.errors import ConfigError

from .config import SearchConfig
from .method import Method, methods
from .parts import Penalty
from .registry import OpenPart, about, choices

OPEN_KINDS: Mapping[str, type[OpenPart]] = {
    **{
        name: field.annotation
        for name, field in SearchConfig.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, OpenPart)
    },
    "penalties": Penalty,
}
"""Part of a configuration -> the kind of which it chooses a class, or several."""


def settings(config: Configuration) -> dict[str, Any]:
    """Returns dotted path -> value of every field, as `--set` addresses it."""
    data = config.model_dump(mode="json", exclude={*config.chosen})
    penalties = data.pop("penalties", {})
    found = {
        f"{part}.{name}" if isinstance(fields, Mapping) else part: value
        for part, fields in data.items()
        for name, value in (fields if isinstance(fields, Mapping) else {part: fields}).items()
    }
    return found | {
        f"penalties.{penalty}.{name}": value
        for penalty, fields in penalties.items()
        for name, value in fields.items()
        if name != "name"
    }


def settings_by_method(preset: str = "cifar") -> dict[str, dict[str, Any]]:
    """Returns method -> dotted path -> value, in a preset; which settings there are depends on the method's parts.

    Methods in `unfit_methods` are left out.
    """
    unfit = unfit_methods(preset)
    return {name: settings(SearchConfig.make(name, preset)) for name in methods() if name not in unfit}


def unfit_methods(preset: str) -> dict[str, str]:
    """Returns method -> why it has no meaning in a preset; raises ConfigError where there is no such preset."""
    Method.defaults(preset)
    found = {}
    for name in methods():
        try:
            SearchConfig.make(name, preset)
        except ConfigError as error:
            found[name] = str(error)
    return found


def setting_names(table: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Returns the settings that any of the methods of `settings_by_method` has, those of one part side by side."""
    found: dict[str, None] = {name: None for values in table.values() for name in values}
    parts = list(dict.fromkeys(name.partition(".")[0] for name in found))
    return sorted(found, key=lambda name: parts.index(name.partition(".")[0]))


def differences(table: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Returns the settings in which the methods of `settings_by_method` differ, in order."""
    return [
        name
        for name in setting_names(table)
        if len({format_value(values[name]) if name in values else None for values in table.values()}) > 1
    ]


def format_value(value: Any) -> str:
    """Returns a setting's value as a short text for tables."""
    if isinstance(value, dict):
        return " ".join(f"{name}:{factor:g}" for name, factor in value.items()) or "-"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value).replace(" ", "")


def descriptions(of: type[Configuration] = SearchConfig) -> dict[str, str]:
    """Returns dotted path -> meaning of a setting, from the docstring of its part.

    A setting that several choices of a part have is described by genocc's own, if it is among them.
    """
    found: dict[str, str] = {}
    for part, field in of.model_fields.items():
        model = field.annotation
        if of is SearchConfig and part in OPEN_KINDS:
            for name, choice in _ours_first(choices(OPEN_KINDS[part])):
                prefix = f"penalties.{name}" if part == "penalties" else part
                texts = {f"{prefix}.{setting}": text for setting, text in part_descriptions(choice).items()}
                texts.pop("penalties." + name + ".name", None)
                found = {**texts, **found}
        elif isinstance(model, type) and issubclass(model, Part):
            found |= {f"{part}.{name}": text for name, text in part_descriptions(model).items()}
    return found


def part_descriptions(model: type[Part]) -> dict[str, str]:
    """Returns field -> meaning, from the docstrings of a part's class and its bases; the nearest wins."""
    bases = [base for base in reversed(model.__mro__) if issubclass(base, Part)]
    texts = {name: text for base in bases for name, text in _attributes(base).items()}
    return {name: texts[name] for name in model.model_fields if name in texts}


def registered_parts() -> dict[str, dict[str, dict[str, Any]]]:
    """Returns part -> name -> ``about``, ``package`` and ``settings`` (default and meaning) of registered choices."""
    return {
        part: {
            name: {
                "about": about(choice),
                "package": choice.__module__.partition(".")[0],
                "settings": {
                    field: {"default": value, "meaning": part_descriptions(choice).get(field, "")}
                    for field, value in choice.model_validate({}).model_dump(mode="json").items()
                    if field != "name"
                },
            }
            for name, choice in choices(kind).items()
            if name in plugins.names(kind.group)
        }
        for part, kind in OPEN_KINDS.items()
    }


def _ours_first(found: Mapping[str, type[OpenPart]]) -> list[tuple[str, type[OpenPart]]]:
    return sorted(found.items(), key=lambda entry: not entry[1].__module__.startswith("genocc."))


def _attributes(model: type[Part]) -> dict[str, str]:
    """The ``Attributes:`` of a Google-style docstring."""
    text = inspect.getdoc(model) or ""
    _, _, listed = text.partition("Attributes:\n")
    entries = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", listed, flags=re.MULTILINE)
    return {name: " ".join(description.split()) for name, description in entries}
