"""Named tuples, classes and functions that a text defines itself and calls: which of their fields a value means.

Source that parses is searched to the bottom; in any other text, and in strings, ``Name = namedtuple(...)`` is found as
genotypes are. A definition whose fields cannot be read leaves calls with unnamed values unread too, rather than read in
the usual order.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from genocc.errors import FormatError
from genocc.formats.excerpts import excerpts
from genocc.formats.literals import called, literal, statements
from genocc.formats.sightings import Sighting

_MAKES = re.compile(r"named_?tuple", re.IGNORECASE)
_CALL = re.compile(r"named_?tuple\s*\(", re.IGNORECASE)
_MENTIONED = re.compile(r"named_?tuple|dataclass|attr|\bclass\s|\bdef\s", re.IGNORECASE)
_ASSIGNED = re.compile(r"((?:(?<![\w.])[A-Za-z_]\w*\s*(?::[^=\n]{1,60})?=\s*)+)$")
_DECORATORS = ("dataclass", "s", "attrs", "define", "frozen", "mutable")
"""Of ``dataclasses``, and of ``attr`` (``attr.s``) and ``attrs``."""
_BEFORE = 300


@dataclass(frozen=True)
class Definition:
    """What a text says of something that it calls.

    Attributes:
        line: Where.
        fields: In order; empty where they cannot be read.
        defaults: Field -> its value where a call lacks it.
    """

    line: int
    fields: tuple[str, ...] = ()
    defaults: Mapping[str, ast.expr] | None = None


Definitions = Mapping[str, Sequence[Definition]]
"""By name, in the order of the text."""


def with_names(text: str, found: tuple[Sighting, ...]) -> tuple[Sighting, ...]:
    """Returns genotypes of a text with their unnamed values named, where the text defines what it calls."""
    if not _MENTIONED.search(text) or not (known := definitions_in(text)):
        return found
    return tuple(replace(one, value=_named(one, known)) for one in found)


@lru_cache(maxsize=2)
def definitions_in(text: str) -> Definitions:
    """Returns the definitions in a text.

    Dialects share what was found, as in `sightings`, until ``definitions_in.cache_clear()``.
    """
    found: dict[str, list[Definition]] = {}
    with suppress(FormatError):
        for name, definition in _in_source(ast.Module(statements(text), [])):
            found.setdefault(name, []).append(definition)
    of_source = set(found)
    for name, definition in _in_text(text):
        if name not in of_source:
            found.setdefault(name, []).append(definition)
    return found


def _in_source(tree: ast.Module) -> Iterator[tuple[str, Definition]]:
    """Definitions in a syntax tree, in the order of its lines."""
    nodes = sorted((node for node in ast.walk(tree) if isinstance(node, ast.stmt)), key=lambda node: node.lineno)
    makers, values, known = {"namedtuple", "NamedTuple"}, dict[str, ast.expr](), dict[str, Definition]()
    for node in nodes:
        made: Definition | None = None
        names: list[str] = []
        match node:
            case ast.ImportFrom(names=imported):
                makers |= {one.asname for one in imported if one.asname and one.name in ("namedtuple", "NamedTuple")}
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = [target.id for target in targets if isinstance(target, ast.Name)]
                values |= dict.fromkeys(names, value)
                if isinstance(value, ast.Name) and value.id in known:
                    made = replace(known[value.id], line=node.lineno)
                elif called(value) in makers or _MAKES.fullmatch(called(value)):
                    made = _of_call(value, values)
            case ast.ClassDef(name=name):
                names, made = [name], _of_class(node, known, makers, values)
            case ast.FunctionDef(name=name, args=arguments):
                names, made = [name], _of_arguments(node.lineno, arguments)
        if made is not None:
            known |= dict.fromkeys(names, made)
            yield from ((name, made) for name in names)


def _in_text(text: str) -> Iterator[tuple[str, Definition]]:
    """Named tuples in a text that is not Python source, and in strings."""
    with suppress(FormatError):
        for excerpt in excerpts(text, _CALL):
            before = _ASSIGNED.search(text[max(0, excerpt.start - _BEFORE) : excerpt.start])
            if before and isinstance(excerpt.value, ast.Call):
                made = replace(_of_call(excerpt.value, {}), line=excerpt.line)
                yield from ((name, made) for name in re.findall(r"([A-Za-z_]\w*)\s*(?::[^=\n]*)?=", before[1]))


def _of_call(call: ast.expr, values: Mapping[str, ast.expr]) -> Definition:
    """``namedtuple(name, fields)``, ``NamedTuple(name, [(field, type), ...])``."""
    assert isinstance(call, ast.Call)
    named = {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    given = named.get("field_names", named.get("fields")) or next(iter(call.args[1:]), None)
    fields: Sequence[str] = [name for name in named if name not in _OPTIONS]
    with suppress(FormatError):
        fields = fields if given is None else _texts(given, values)
        defaults = named.get("defaults")
        last = defaults.elts if isinstance(defaults, ast.Tuple | ast.List) else []
        return Definition(call.lineno, tuple(fields), dict(zip(fields[len(fields) - len(last) :], last, strict=False)))
    return Definition(call.lineno)


_OPTIONS = ("typename", "field_names", "fields", "rename", "defaults", "module", "verbose")


def _texts(node: ast.expr, values: Mapping[str, ast.expr], depth: int = 0) -> list[str]:
    """Names of fields: a text, texts, texts with types, or what plainly gives these; raises FormatError."""
    if depth > len(values) + 8:
        raise FormatError("names of fields that are defined by each other")
    match node:
        case ast.Name(id=name) if name in values:
            return _texts(values[name], values, depth + 1)
        case ast.Call(func=ast.Attribute(value=text, attr="split"), args=[] | [ast.Constant()]):
            return _texts(text, values, depth + 1)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [*_texts(left, values, depth + 1), *_texts(right, values, depth + 1)]
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            firsts = [part.elts[0] if isinstance(part, ast.Tuple) and part.elts else part for part in parts]
            return [name for first in firsts for name in _texts(first, values, depth + 1)]
    value = literal(node)
    if not isinstance(value, str):
        raise FormatError("no names of fields")
    return [name for name in re.split(r"[,\s]+", value) if name]


def _of_class(
    node: ast.ClassDef, known: Mapping[str, Definition], makers: set[str], values: Mapping[str, ast.expr]
) -> Definition:
    marks = [one.func if isinstance(one, ast.Call) else one for one in node.decorator_list]
    fields = [line for line in node.body if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)]
    own = Definition(
        node.lineno,
        tuple(line.target.id for line in fields if isinstance(line.target, ast.Name)),
        {line.target.id: line.value for line in fields if isinstance(line.target, ast.Name) and line.value},
    )
    for line in node.body:
        if isinstance(line, ast.FunctionDef) and line.name in ("__init__", "__new__"):
            return _of_arguments(node.lineno, line.args, first=1)
    if any(_last(mark) in _DECORATORS for mark in marks):
        return own
    for base in node.bases:
        if _last(base) in makers:
            return own
        if called(base) in makers:
            return replace(_of_call(base, values), line=node.lineno)
        if (name := _last(base)) in known:
            return replace(known[name], line=node.lineno)
    return Definition(node.lineno)


def _of_arguments(line: int, arguments: ast.arguments, first: int = 0) -> Definition:
    plain = [one.arg for one in (*arguments.posonlyargs, *arguments.args)]
    defaults = dict(zip(plain[len(plain) - len(arguments.defaults) :], arguments.defaults, strict=True))
    return Definition(line, () if arguments.vararg else tuple(plain[first:]), defaults)


def _last(node: ast.expr) -> str:
    """The last part of a dotted name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _named(one: Sighting, known: Definitions) -> Any:
    """A genotype with its values named; a FormatError where it has unnamed ones, and the definition cannot be read.

    A list is what ``_make`` takes, or JSON makes of one.
    """
    call = one.value
    if isinstance(call, ast.List | ast.Tuple):
        lists = [name for name, own in known.items() if name.endswith("Genotype") and own[-1].fields]
        if not lists:
            return call
        call = ast.copy_location(ast.Call(ast.Name(lists[-1]), call.elts, []), call)
    if not isinstance(call, ast.Call) or not (own := known.get(called(call))):
        return one.value
    earlier = [definition for definition in own if definition.line <= (one.line or definition.line)]
    definition = earlier[-1] if earlier else own[0]
    fields, given = definition.fields, {keyword.arg for keyword in call.keywords}
    if call.args and not fields:
        return FormatError(
            f"line {one.line}: {called(call)}(...) has values without a name, and the text itself defines "
            f"{called(call)}, on line {definition.line}, without a plain list of its fields; name each: normal=..."
        )
    if len(call.args) > len(fields) or any(isinstance(argument, ast.Starred) for argument in call.args):
        return one.value
    keywords = [ast.keyword(name, argument) for name, argument in zip(fields, call.args, strict=False)]
    if None not in given:
        given |= {keyword.arg for keyword in keywords}
        defaults = definition.defaults or {}
        keywords += [ast.keyword(name, defaults[name]) for name in fields if name in defaults and name not in given]
    return ast.copy_location(ast.Call(call.func, [], [*keywords, *call.keywords]), call)
