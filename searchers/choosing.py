"""Choosing: which class a part is, as an operation on plain data; and the former spellings of settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genocc.configuration import known_name, merged, override_value, refuse
from genocc.errors import ConfigError
from genocc.files import shortened

from .parts import Derivation, Penalty, Topology
from .registry import OpenPart, named, names

FORMER: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("relaxation", "normalization"): ("relaxation", "name"),
    ("derivation", "rule"): ("derivation", "name"),
    ("topology", "edges"): ("topology", "name"),
    ("placement", "engine"): ("placement", "name"),
    ("relaxation", "sparsity"): ("penalties", "sparsity", "factor"),
    ("budget", "penalty_macs"): ("penalties", "macs", "factor"),
}
"""Former spelling of a setting -> today's. Both are understood, in `--set` and in a run's config.json."""

_FORMER_SETTINGS: Mapping[tuple[str, str], tuple[type[OpenPart], tuple[str, ...]]] = {
    ("topology", "edges"): (Topology, ("predecessors",)),
    ("derivation", "rule"): (Derivation, ("edges_per_node", "distinct_predecessors")),
}
"""Former spelling of a choice -> its kind, and the settings that went with every choice, and meant nothing with some.

So a config.json of before has them; where the class has no such setting today, they still mean nothing.
"""


def translated(data: Mapping[str, Any]) -> dict[str, Any]:
    """Returns plain data with former spellings replaced by today's; refuses what says a setting in both."""
    found = merged(data, {})
    for (part, name), (*parents, last) in FORMER.items():
        fields = found.get(part)
        if not isinstance(fields, dict) or name not in fields:
            continue
        place = found
        for parent in parents:
            place = place.setdefault(parent, {})
        value = fields.pop(name)
        if place.setdefault(last, value) != value:
            today = ".".join((*parents, last))
            refuse(f"{part}.{name} is the former spelling of {today}; found both, with different values: keep one")
        kind, settings = _FORMER_SETTINGS.get((part, name), (None, ()))
        if kind is not None and value in names(kind):
            for setting in settings:
                if setting not in named(kind, value).model_fields:
                    fields.pop(setting, None)
    return found


def combined(kinds: Mapping[str, type[OpenPart]], data: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Returns plain data with the fields of nested mappings, which win; where they name another class, its settings.

    Args:
        kinds: The parts that are choices of a class.
        data: A configuration.
        fields: What differs. A setting that is a mapping of its own (``relaxation.attention``) is stated whole, so
            that the configuration of a run repeats it where it has less in it than the method's.
    """
    fields = translated(fields)
    found = merged(data, {})
    for part in kinds:
        asked = fields.get(part)
        if not isinstance(asked, Mapping):
            continue
        if "name" in asked:
            found = switched(kinds, found, part, asked["name"])
        for name, value in asked.items():
            if isinstance(value, Mapping) and isinstance(of_part := found.get(part), dict):
                of_part.pop(name, None)
    return merged(found, fields)


def switched(kinds: Mapping[str, type[OpenPart]], data: Mapping[str, Any], part: str, name: Any) -> dict[str, Any]:
    """Returns plain data in which a part is of another class: settings that both have stay, others are its defaults.

    Raises:
        ConfigError: There is no class of that name.
    """
    old = data.get(part, {})
    if old.get("name", kinds[part].usual) == name:
        return merged(data, {})
    choice = named(kinds[part], name)
    defaults = choice.model_validate({}).model_dump() | {**choice.presets.get(data.get("preset", ""), {})}
    kept = {field: value for field, value in old.items() if field in defaults}
    return {**merged(data, {}), part: merged({**defaults, **kept, "name": name}, {})}


def override_penalty(text: str) -> tuple[tuple[str, ...], Any]:
    """Returns the path and the value that ``penalties.name.field=value`` means; a penalty alone is its factor.

    Raises:
        ConfigError: There is no such penalty or setting; the message offers the closest.
    """
    path, equals, value = text.partition("=")
    _, *rest = path.strip().split(".")
    if not equals or not value.strip() or not 1 <= len(rest) <= 2:
        raise ConfigError(
            f"--set {shortened(text)}: expected penalties.name.field=value, such as penalties.sparsity.factor=0.1"
        )
    kind: type[OpenPart] = Penalty
    name = known_name(rest[0], names(kind), text, "penalties.")
    fields = named(kind, name).model_fields
    field = known_name(rest[1], fields, text, f"penalties.{name}.") if len(rest) == 2 else "factor"
    return ("penalties", name, field), override_value(value)
