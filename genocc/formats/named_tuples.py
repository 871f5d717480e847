"""Named tuples that a text defines itself: which of their fields a call without names means."""

from __future__ import annotations

import ast
import re
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache

from genocc.errors import FormatError
from genocc.formats.literals import called, literal, statements
from genocc.formats.sightings import Sighting


def with_names(text: str, found: tuple[Sighting, ...]) -> tuple[Sighting, ...]:
    """Returns genotypes of a text with their unnamed arguments named, where the text defines what it calls."""
    if "amedtuple" not in text.lower() or not (orders := orders_in(text)):
        return found
    return tuple(
        replace(one, value=_named(one.value, orders[called(one.value)]))
        if isinstance(one.value, ast.Call) and called(one.value) in orders
        else one
        for one in found
    )


@lru_cache(maxsize=2)
def orders_in(text: str) -> dict[str, list[str]]:
    """Returns the fields of each named tuple that is defined at the top of a text, if that is Python source.

    Dialects share what was found, as in `sightings`, until ``orders_in.cache_clear()``.
    """
    found: dict[str, list[str]] = {}
    with suppress(FormatError):
        for statement in statements(text):
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(args=[_, names]) as made):
                    if called(made).lower() == "namedtuple":
                        found[name] = _names(names)
                case ast.ClassDef(name=name, bases=[ast.Name(id="NamedTuple") | ast.Attribute(attr="NamedTuple")]):
                    fields = [line.target for line in statement.body if isinstance(line, ast.AnnAssign)]
                    found[name] = [field.id for field in fields if isinstance(field, ast.Name)]
    return {name: fields for name, fields in found.items() if fields}


def _names(node: ast.expr) -> list[str]:
    """The second argument of ``namedtuple``, a text or names; of ``NamedTuple``, names with their types."""
    match node:
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            firsts = [part.elts[0] if isinstance(part, ast.Tuple) and part.elts else part for part in parts]
            return [str(literal(first)) for first in firsts]
    value = literal(node)
    return re.split(r"[,\s]+", value.strip()) if isinstance(value, str) else []


def _named(call: ast.Call, order: list[str]) -> ast.Call:
    if len(call.args) > len(order) or any(isinstance(argument, ast.Starred) for argument in call.args):
        return call
    keywords = [ast.keyword(name, argument) for name, argument in zip(order, call.args, strict=False)]
    return ast.copy_location(ast.Call(call.func, [], [*keywords, *call.keywords]), call)
