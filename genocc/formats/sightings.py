"""Genotypes that stand somewhere in a text: in Python source, JSON, a log, a page, a shell script, or a string in one.

A text that is Python source (JSON is, too) is parsed, and its syntax tree searched to the bottom. Any other text is
searched for what a genotype starts with, and the expression up to its closing bracket is parsed. Nothing is evaluated.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from genocc.errors import FormatError
from genocc.formats.excerpts import Excerpt, excerpts
from genocc.formats.literals import statements
from genocc.formats.syntax import Value, values
from genocc.formats.variables import MUTATORS

_MAX_DEPTH = 3
_STRING = "string"
"""What a string without a name is called as the scope of the names in it."""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # of a terminal
_LOG = re.compile(r"\d{1,2}:\d{2}|\b(?:epoch|step|iter|iteration|info|debug|warning)\b", re.IGNORECASE)
_ASSIGNED = re.compile(r"([A-Za-z_][\w.-]*)[`*\"'\]]*\s*=\s*[\"'`(\[\\]*\s*$")
_KEY = re.compile(r"(?:^|[\n{,(])[ \t]*(?:- +)?[\"']?([\w./-]+)[\"']?[ \t]*:[ \t]*[\"'`>|-]*\s*$")


@dataclass(frozen=True)
class Sought:
    """The expressions that a dialect looks for.

    Attributes:
        wanted: Whether an expression is one.
        telling: Text that each of them contains; where it is missing, nothing is parsed.
        opening: What one may start with in a text that is not Python source, up to its opening bracket.
        verbatim: Text that is one as it stands, not an expression.
    """

    wanted: Callable[[ast.expr], bool]
    telling: re.Pattern[str]
    opening: re.Pattern[str]
    verbatim: re.Pattern[str] | None = None

    @classmethod
    def dictionary(cls, telling: re.Pattern[str]) -> Sought:
        """Returns what finds dictionaries of which a key begins as ``telling`` says."""

        def wanted(node: ast.expr) -> bool:
            keys = node.keys if isinstance(node, ast.Dict) else []
            return any(
                isinstance(key, ast.Constant) and isinstance(key.value, str) and telling.match(key.value)
                for key in keys
            )

        return cls(wanted, telling, opening=re.compile(r"\{"))


@dataclass(frozen=True)
class Sighting:
    """A genotype in a text, not read yet, so that a broken one leaves the others readable.

    Attributes:
        name: Its name in the text, ``#1``, ``#2``, ... for those without one, '' for one without a name that is alone.
        value: The expression or text; a FormatError for one that cannot be parsed.
        line: Where it starts; 0 if unknown.
        last_line: Where it ends.
        superseded: Whether a later one has its place: the name is assigned again, or a log has a later epoch.
        note: What was decided, for people.
    """

    name: str
    value: Any
    line: int = 0
    last_line: int = 0
    superseded: bool = False
    note: str = ""

    def parsed(self) -> Any:
        """Returns the value; raises its error if it has one."""
        if isinstance(self.value, FormatError):
            raise self.value
        return self.value


@dataclass(frozen=True)
class _Found:
    scope: tuple[str, ...]
    name: str
    value: Any
    line: int
    last_line: int
    logged: bool = False
    changed: int = 0
    made: bool = False


@lru_cache(maxsize=2)
def sightings(text: str, sought: Sought) -> tuple[Sighting, ...]:
    """Returns the genotypes in a text, in its order.

    Dialects that look for the same expressions share what was found, until ``sightings.cache_clear()``.

    Raises:
        FormatError: There is none, and the text is not Python source either.
    """
    text = _COLOUR.sub("", text)
    found = list(_within(text, sought, 1, 0))
    spelled = [item for item in found if not isinstance(item.value, ast.expr) or _has_text(item.value)]
    found = spelled or found  # a call with variables is a program's, not a genotype
    if not found and sought.telling.search(text):
        statements(text)
    return tuple(_named(_latest(found)))


def mappings(text: str, sought: Sought) -> tuple[Sighting, ...]:
    """Returns the dictionaries in a text as `sightings` does; the text may be the inside of one, as in a manual."""
    if text.lstrip().startswith(("'", '"')):
        with suppress(FormatError):
            if found := sightings("{" + text + "}", sought):
                return found
    return sightings(text, sought)


def _within(text: str, sought: Sought, line: int, depth: int) -> Iterator[_Found]:
    if depth > _MAX_DEPTH or not sought.telling.search(text):
        return
    found: list[_Found] = []
    try:
        body = statements(text)
    except FormatError:  # not Python source
        body = []
    for statement in body:
        ast.increment_lineno(statement, line - 1)
    for value in values(body, sought.wanted, sought.telling):
        found += _resolved(value, sought, depth)
    yield from found or _excerpts(text, sought, line, depth)


def _resolved(value: Value, sought: Sought, depth: int) -> list[_Found]:
    """A value of the syntax tree, or those in a string of it."""
    if not isinstance(value.node, str):
        last_line = value.node.end_lineno or value.line
        return [
            _Found(value.scope, value.name, value.node, value.line, last_line, changed=value.changed, made=value.made)
        ]
    inner = list(_within(value.node, sought, value.line, depth + 1))
    if len(inner) == 1 and value.name:
        (one,) = inner
        changed, made = value.changed or one.changed, value.made or one.made
        return [replace(one, scope=value.scope, name=value.name, changed=changed, made=made)]
    scope = (*value.scope, value.name or _STRING)  # a comment, say: its names are not those of the source around it
    return [replace(item, scope=(*scope, *item.scope)) for item in inner]


def _excerpts(text: str, sought: Sought, line: int, depth: int) -> Iterator[_Found]:
    """What stands in a text that is not Python source; a name that two of them have is no name."""
    found: list[tuple[Excerpt, _Found]] = []
    for excerpt in excerpts(text, sought.opening, sought.verbatim):
        before = text[max(0, excerpt.start - 300) : excerpt.start]
        logged = bool(_LOG.search(before.rpartition("\n")[2]))
        start, end = line + excerpt.line - 1, line + excerpt.last_line - 1
        if isinstance(excerpt.value, ast.expr):
            ast.increment_lineno(excerpt.value, start - 1)
            inside = values([ast.Expr(excerpt.value)], sought.wanted, sought.telling)
            items = [item for value in inside for item in _resolved(value, sought, depth)]
        else:
            items = [_Found((), "", excerpt.value, start, end)]
        made = bool(_USED.match(text, excerpt.end))
        found += [
            (excerpt, replace(item, name=item.name or _name(before), logged=logged, made=item.made or made))
            for item in items
        ]
    times = Counter(item.name for _, item in found)
    starts = {excerpt.start for excerpt, _ in found}
    later = _changes_of({item.name for _, item in found if item.name}, text, starts)
    ends = [match.start() for match in re.finditer("\n", text)] if later else []
    for excerpt, item in found:
        if not item.logged and times[item.name] > 1:
            item = replace(item, name="")
        places = later.get(item.name, [])
        if number := len(places) - bisect_left(places, excerpt.end):
            item = replace(item, changed=line + bisect_left(ends, places[-number]))
        yield item


_USED = re.compile(r"\s*\)?\s*\.\s*[A-Za-z_]\w*\s*\(")
"""What follows a genotype that something else is made of: ``._replace(``."""
_CHANGE = re.compile(
    r"^[ \t>$%+|.*-]*([A-Za-z_]\w*)((?:\.\w+|\[[^\]\n]{0,80}\])*)[ \t]*((?:[-+*/|&%@^]|//|>>|<<)?=(?!=)|\()",
    re.MULTILINE,
)
"""A line that assigns to a name or to a part of its value, or calls a method of it."""


def _changes_of(names: Collection[str], text: str, starts: Set[int]) -> dict[str, list[int]]:
    """Name -> where lines change it, or a part of its value, other than to what starts at one of ``starts``."""
    found: dict[str, list[int]] = {}
    for match in _CHANGE.finditer(text):
        name, rest, end = match.groups()
        if name not in names or (end == "(" and rest.rpartition(".")[2] not in MUTATORS):
            continue
        opening = re.compile(r"[\s\"'`(\[\\]*").match(text, match.end())
        if opening is None or rest or starts.isdisjoint(range(match.end(), opening.end() + 1)):
            found.setdefault(name, []).append(match.start(1))
    return found


def _name(before: str) -> str:
    match = _ASSIGNED.search(before) or _KEY.search(before)
    return "" if not match or _LOG.search(match[1]) else match[1]


def _has_text(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in ast.walk(node))


def _latest(found: Sequence[_Found]) -> list[tuple[_Found, bool, str]]:
    """Each with whether a later one has its place, and the note of the one that has."""
    if len(found) > 1 and all(item.logged for item in found):
        note = f"the log has {len(found)} genotypes; this is the last, on line {found[-1].line}; --line takes another"
        return [*((item, True, "") for item in found[:-1]), (found[-1], False, note)]
    times = Counter((item.scope, item.name) for item in found)
    found = [
        replace(item, name="") if item.name.isdigit() and times[item.scope, item.name] > 1 else item for item in found
    ]  # positions, not names: the columns of a table
    last = {(item.scope, item.name): item for item in found}
    result = []
    for item in found:
        again = times[item.scope, item.name] if item.name else 1
        superseded = again > 1 and last[item.scope, item.name] is not item
        note = f"{item.name} is assigned {again} times; this is the last, on line {item.line}" if again > 1 else ""
        if item.made:
            note = (
                f"{item.name or 'it'} is what an expression makes of the genotype on line {item.line}; that one is read"
            )
        if item.changed:
            note = f"{item.name} is assigned on line {item.line} and changed on line {item.changed}; the former is read"
        result.append((item, superseded, "" if superseded else note))
    return result


def _named(found: Sequence[tuple[_Found, bool, str]]) -> list[Sighting]:
    scopes: dict[str, set[tuple[str, ...]]] = {}
    for item, _, _ in found:
        scopes.setdefault(item.name, set()).add(item.scope)
    result, unnamed = [], 0
    several = sum(not superseded for _, superseded, _ in found) > 1
    for item, superseded, note in found:
        name = item.name
        if not name and (several or superseded):
            unnamed += 1
            name = f"#{unnamed}"
        elif name and len(scopes[name]) > 1:
            name = ".".join((*item.scope, name))
        result.append(Sighting(name, item.value, item.line, item.last_line, superseded, note))
    return result
