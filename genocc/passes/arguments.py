"""Arguments of passes: declared once, as the fields of a frozen dataclass, and read from ``NAME(ARGUMENT=VALUE)``."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

Value = int | float | bool

_TYPES = {int: "an integer", float: "a number", bool: "true or false"}


@dataclass(frozen=True)
class Argument:
    """An argument of a pass.

    Attributes:
        name: Of the field.
        default: Its value if none is given; values are of its type.
        least: The smallest value possible.
        most: The largest value possible.
    """

    name: str
    default: Value
    least: float | None = None
    most: float | None = None

    def read(self, text: str) -> Value:
        """Returns the value that a text stands for; raises ``ValueError``."""
        if isinstance(self.default, bool):
            return {"true": True, "false": False}[text.lower()] if text.lower() in ("true", "false") else _refuse(text)
        value = type(self.default)(text)
        return value if self.allows(value) else _refuse(text)

    def allows(self, value: Value) -> bool:
        """Whether a value is within the limits; NaN is not."""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def __str__(self) -> str:
        limits = [f"{word} {limit:g}" for word, limit in (("from", self.least), ("to", self.most)) if limit is not None]
        return f"{self.name}={written(self.default)} ({' '.join([_TYPES[type(self.default)], *limits])})"


def argument(default: Value, *, least: float | None = None, most: float | None = None) -> Any:
    """Returns the dataclass field of an argument; see `Argument`."""
    return field(default=default, metadata={"least": least, "most": most})


def arguments(step: object) -> tuple[Argument, ...]:
    """Returns the arguments of a pass, in order."""
    if not is_dataclass(step):
        return ()
    return tuple(Argument(f.name, getattr(type(step), f.name), **f.metadata) for f in fields(step))


def takes(step: object) -> str:
    """Returns the arguments of a pass in words."""
    return ", ".join(map(str, arguments(step))) or "no arguments"


def written(value: Value) -> str:
    """Returns a value as `Argument.read` reads it."""
    return str(value).lower()


def _refuse(text: str) -> Value:
    raise ValueError(f"'{text}' is not possible")
