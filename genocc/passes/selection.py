"""Passes by name, with arguments: ``pad-channels(block=8),fold-batch-norm``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from genocc.errors import GenoccError, did_you_mean
from genocc.passes.arguments import Value, arguments, takes
from genocc.passes.base import Pass


def parse(text: str, available: Mapping[str, Pass]) -> list[Pass]:
    """Returns the passes of a list as `--passes` takes it; raises GenoccError as `select`."""
    return select(split(text), available)


def split(text: str) -> tuple[str, ...]:
    """Returns the parts of a list of passes, divided by the commas outside parentheses."""
    return tuple(part.strip() for part in re.split(r",(?![^(]*\))", text) if part.strip())


def select(names: Iterable[str], available: Mapping[str, Pass]) -> list[Pass]:
    """Returns the passes of these names, each with its arguments behind it or with the defaults, in the order given.

    Raises:
        GenoccError: A name is unknown, or an argument is not what the pass takes; the message says what that is.
    """
    return [_configured(name, available) for name in names]


def _configured(text: str, available: Mapping[str, Pass]) -> Pass:
    match = re.fullmatch(r"\s*([^()]*?)\s*(?:\(([^()]*)\))?\s*", text)
    if match is None:
        raise GenoccError(f"pass '{text}': expected NAME or NAME(ARGUMENT=VALUE,...)")
    name, given = match.groups()
    if name not in available:
        raise GenoccError(f"unknown pass '{name}'; {did_you_mean(name, available)}")
    step = available[name]
    return replace(step, **_values(step, given)) if given and given.strip() else step  # type: ignore[type-var]


def _values(step: Pass, given: str) -> dict[str, Value]:
    known = {argument.name: argument for argument in arguments(step)}
    values: dict[str, Value] = {}
    for item in given.split(","):
        name, _, text = (part.strip() for part in item.partition("="))
        try:
            if name in values:
                raise ValueError(f"{name} is given twice")
            values[name] = known[name].read(text)
        except (KeyError, ValueError):
            raise GenoccError(f"pass '{step.name}' takes {takes(step)}; found '{item.strip()}'") from None
    return values
