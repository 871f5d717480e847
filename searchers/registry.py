"""Open parts: settings that choose a class by their ``name``, among those that packages have registered.

A part of a search is a class with its settings (`OpenPart`). Where a configuration says ``relaxation.name=cen``, the
class is looked up, in this order: among the parts that a `Method` brought along, then in the entry points of the
kind's group (``genocc.relaxations``, ...), genocc's own included.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, Self, TypeVar

from pydantic import ModelWrapValidatorHandler, ValidationError, model_validator

from genocc import plugins
from genocc.configuration import Part, refuse
from genocc.errors import ConfigError, GenoccError, did_you_mean, quoted
from genocc.files import LONGEST

P = TypeVar("P", bound="OpenPart")


class Composition(Protocol):
    """The configuration of a search, as its parts see one another: a `SearchConfig`."""

    space: Any
    topology: Any
    relaxation: Any
    connection: Any
    placement: Any
    derivation: Any
    schedule: Any
    penalties: Any
    supernet: Any
    budget: Any


class OpenPart(Part):
    """Base of the kinds of parts that anybody can bring; what derives from a kind is one choice of it.

    A choice declares its name, ``name: Literal["mine"] = "mine"``, and its settings as fields, each with a line below
    ``Attributes:`` in its docstring; all have defaults, and survive JSON.

    Attributes:
        kind: The kind of part, which is a field of `SearchConfig`: ``relaxation``.
        group: Its group of entry points: ``genocc.relaxations``.
        usual: Name of the choice that a configuration without a name means.
        presets: Preset -> settings of this choice that differ in it.
        name: Which class this is, among those that ``genocc methods`` lists.
    """

    kind: ClassVar[str]
    group: ClassVar[str]
    usual: ClassVar[str]
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    name: str

    @model_validator(mode="wrap")
    @classmethod
    def _chosen(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Where a kind is expected, plain data become an object of the class that they name."""
        if "group" not in vars(cls) or not isinstance(value, Mapping):
            return handler(value)
        try:
            found = named(cls, value.get("name", cls.usual))
        except GenoccError as error:
            refuse(str(error))
        return found.model_validate(value)

    def check(self, config: Composition) -> None:
        """Refuses, with `genocc.configuration.refuse`, what has no meaning together with other parts."""


_BROUGHT: dict[tuple[str, str], type[OpenPart]] = {}
"""(kind, name) -> class, of the parts that methods brought along."""


def bring(part: type[OpenPart]) -> None:
    """Makes a class known to this process, unless it is registered; of two brought along, the later one wins.

    Raises:
        ConfigError: Its name is that of another class, which a package has registered.
    """
    name = part.model_fields["name"].default
    if name not in plugins.names(part.group):
        _BROUGHT[part.kind, name] = part
    elif (registered := plugins.load(part.group, name, type)) is not part:
        raise ConfigError(
            f"{part.kind} '{name}' of {part.__module__}.{part.__qualname__}: the name is taken by "
            f"{registered.__module__}.{registered.__qualname__}; choose another"
        )


def names(kind: type[OpenPart]) -> tuple[str, ...]:
    """Returns the names of the choices of a kind, registered ones first."""
    registered = plugins.names(kind.group)
    return (*registered, *(name for of, name in _BROUGHT if of == kind.kind and name not in registered))


def named(kind: type[P], name: Any) -> type[P]:
    """Returns the choice of a kind that has a name.

    Raises:
        ConfigError: There is none; the message lists those there are.
        GenoccError: Its package is broken.
    """
    if not isinstance(name, str):  # which a configuration in a file need not be
        raise ConfigError(f"unknown {kind.kind} {quoted(name)}; {did_you_mean('', names(kind))}")
    if (kind.kind, name) in _BROUGHT:
        brought: Any = _BROUGHT[kind.kind, name]
        return _valid(kind, name, brought)
    if name not in plugins.names(kind.group):
        raise ConfigError(f"unknown {kind.kind} {quoted(name)}; {did_you_mean(name, names(kind))}")
    return _valid(kind, name, plugins.load(kind.group, name, type))


def choices(kind: type[P]) -> dict[str, type[P]]:
    """Returns all choices of a kind by name."""
    return {name: named(kind, name) for name in names(kind)}


def about(documented: Callable[..., Any] | type) -> str:
    """Returns the first line of a docstring."""
    return (inspect.getdoc(documented) or "").partition("\n")[0]


def _valid(kind: type[P], name: str, found: type) -> type[P]:
    where = f"{kind.kind} '{name}' ({found.__module__}.{found.__qualname__})"
    if not issubclass(found, kind):
        raise GenoccError(f"{where}: expected a class derived from {kind.__module__}.{kind.__qualname__}")
    if (own := found.model_fields["name"].default) != name:
        raise GenoccError(f"{where}: its field 'name' is {own!r}; expected {name!r}, the name it is registered by")
    made: Any = found
    try:
        made()
    except (TypeError, ValidationError) as error:  # a method that is missing, a setting without default
        said = " ".join(str(error).split())[:LONGEST]
        raise GenoccError(f"{where}: cannot be made with its defaults: {said}") from error
    return found
