"""YAML read as plain data: mappings, lists and texts, without tags, aliases or types.

Imported only when a text is YAML: PyYAML would slow down the start of every command.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from genocc.errors import FormatError
from genocc.formats.cells import brief

_MAX_DEPTH = 16

Plain = str | list[Any] | dict[str, Any]


def load(text: str) -> Plain:
    """Returns the one YAML document of a text; every scalar in it is a string.

    Only PyYAML's parser is used: its composer and constructors follow aliases, resolve tags and recurse without a
    limit.

    Raises:
        FormatError: It is not YAML, has a tag, an alias, a repeated key or one that is not a string, or nests deeply.
    """
    events = yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    try:
        found = [_value(event, events, 1) for event in events if isinstance(event, yaml.NodeEvent)]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise FormatError(f"not YAML: {error.problem or error.context}, line {line}") from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise FormatError(f"not YAML: {(str(error).splitlines() or ['unreadable'])[0]}") from None
    if len(found) != 1:
        raise FormatError(f"found {len(found)} YAML documents; expected one")
    return found[0]


def _value(event: Any, events: Iterator[Any], depth: int) -> Plain:
    """The value that starts with an event; consumes its other events from the iterator."""
    line = f"line {event.start_mark.line + 1}"
    if isinstance(event, yaml.AliasEvent):
        raise FormatError(f"{line}: found an alias; expected the value itself")
    if event.tag:
        raise FormatError(f"{line}: found the tag {brief(event.tag)}; expected plain YAML")
    if isinstance(event, yaml.ScalarEvent):
        return str(event.value)
    if depth > _MAX_DEPTH:
        raise FormatError(f"{line}: nested too deeply; expected at most {_MAX_DEPTH} levels")
    if isinstance(event, yaml.SequenceStartEvent):
        items = []
        while not isinstance(item := next(events), yaml.SequenceEndEvent):
            items.append(_value(item, events, depth + 1))
        return items
    result: dict[str, Any] = {}
    while not isinstance(item := next(events), yaml.MappingEndEvent):
        key = _value(item, events, depth + 1)
        if not isinstance(key, str) or key in result:
            problem = f"the key {brief(key)} stands twice" if isinstance(key, str) else "a list or mapping as a key"
            raise FormatError(f"line {item.start_mark.line + 1}: {problem}; expected texts as keys, each once")
        result[key] = _value(next(events), events, depth + 1)
    return result
