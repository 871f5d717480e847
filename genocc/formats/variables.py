"""Variables of Python source: which value each has, and where one, or a part of its value, is changed."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

Scope = tuple[str, ...]
"""The classes and functions around a statement."""


@dataclass(frozen=True)
class Changed:
    """The end of a statement that changes a variable: if no value came of it, the earlier one is out of date.

    Attributes:
        scope: The classes and functions around it.
        name: The variable.
        inside: Whether a part of its value is changed, rather than what the variable is.
        line: Of the statement.
        found: How many values were found before it.
    """

    scope: Scope
    name: str
    inside: bool
    line: int
    found: int


@dataclass(frozen=True)
class PartNamed:
    """A variable that is given a part of another's value."""

    scope: Scope
    name: str
    whole: str


class Variables:
    """Which variable has which of the values that were found, by their numbers, and which has a part of one.

    Args:
        changed: Is told the number of a value that is out of date by its name, and the line that makes it so.
    """

    def __init__(self, changed: Callable[[int, int], None]) -> None:
        self._changed = changed
        self._values: dict[tuple[Scope, str], int] = {}
        self._parts: dict[tuple[Scope, str], int] = {}
        self._global = set[tuple[Scope, str]]()
        self._first = dict[int, int]()
        self._names = dict[int, list[tuple[Scope, str]]]()
        self._same = dict[int, list[int]]()

    def declare_global(self, scope: Scope, names: Sequence[str]) -> None:
        self._global.update((scope, name) for name in names)

    def set(self, scope: Scope, name: str, number: int) -> None:
        self._values[scope, name] = number
        self._names.setdefault(number, []).append((scope, name))
        self._parts.pop((scope, name), None)

    def same(self, number: int, other: int) -> None:
        """Notes that a value is another one by a further name."""
        first = self._first[number] = self._first.get(other, other)
        self._same.setdefault(first, []).append(number)

    def set_part(self, scope: Scope, name: str, whole: str) -> None:
        if (number := self.seen(scope, whole)) is not None:
            self._parts[scope, name] = number

    def seen(self, scope: Scope, name: str) -> int | None:
        """The number of the value that a variable has there."""
        return self._outwards(self._values, scope, name)

    def change(self, changed: Changed) -> None:
        scope = () if (changed.scope, changed.name) in self._global else changed.scope
        if changed.inside:
            number = self.seen(scope, changed.name)
            number = self._outwards(self._parts, scope, changed.name) if number is None else number
            if number is not None and number < changed.found:
                first = self._first.get(number, number)
                for one in (first, *self._same.pop(first, ())):
                    self._out_of_date(one, changed.line)
            return
        self._parts.pop((scope, changed.name), None)
        if (number := self._values.get((scope, changed.name), changed.found)) < changed.found:
            self._out_of_date(number, changed.line)

    def _out_of_date(self, number: int, line: int) -> None:
        self._changed(number, line)
        for variable in self._names.pop(number, ()):
            if self._values.get(variable) == number:
                del self._values[variable]

    @staticmethod
    def _outwards(table: Mapping[tuple[Scope, str], int], scope: Scope, name: str) -> int | None:
        seen = ((scope[:size], name) for size in range(len(scope), -1, -1))
        return next((table[variable] for variable in seen if variable in table), None)


MUTATORS = frozenset(
    ("append", "clear", "extend", "insert", "pop", "popitem", "remove", "reverse", "setdefault", "sort", "update")
)
"""Methods that change what they are called on."""


def changes(node: ast.AST) -> Iterator[tuple[str, bool]]:
    """The variables that a node gives a value, or of whose value it changes a part, and which of the two."""
    targets: Sequence[ast.AST | None] = ()
    match node:
        case ast.Assign(targets=given) | ast.Delete(targets=given):
            targets = given
        case (
            ast.AnnAssign(target=target)
            | ast.AugAssign(target=target)
            | ast.For(target=target)
            | ast.AsyncFor(target=target)
            | ast.NamedExpr(target=target)
        ):
            targets = [target]
        case ast.With(items=items) | ast.AsyncWith(items=items):
            targets = [item.optional_vars for item in items]
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            yield from ((alias.asname or alias.name.partition(".")[0], False) for alias in names)
        case (
            ast.FunctionDef(name=str(name))
            | ast.AsyncFunctionDef(name=str(name))
            | ast.ClassDef(name=str(name))
            | ast.ExceptHandler(name=str(name))
            | ast.MatchAs(name=str(name))
            | ast.MatchStar(name=str(name))
            | ast.MatchMapping(rest=str(name))
        ):
            yield name, False
        case ast.Call(func=ast.Attribute(value=changed, attr=method)) if method in MUTATORS:
            yield from ((root, True) for root in _root(changed))
        case ast.Call(func=ast.Name(id="setattr" | "delattr"), args=[changed, *_]):
            yield from ((root, True) for root in _root(changed))
    for left in targets:
        parts: Sequence[ast.AST | None] = left.elts if isinstance(left, ast.Tuple | ast.List) else [left]
        for part in parts:
            whole = part.value if isinstance(part, ast.Starred) else part
            yield from ((root, not isinstance(whole, ast.Name)) for root in _root(whole))


def named_parts(node: ast.AST) -> Iterator[tuple[str, str]]:
    """The variables that an assignment gives a part of another's value, each with that other."""
    match node:
        case ast.Assign(targets=targets, value=ast.Attribute() | ast.Subscript() as part):
            for target in targets:
                if isinstance(target, ast.Name):
                    yield from ((target.id, whole) for whole in _root(part))


def _root(node: ast.AST | None) -> Iterator[str]:
    """The variable of whose value something is a part, or that it is; also by its name in ``globals()``."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        match node:
            case ast.Subscript(ast.Call(ast.Name("globals" | "locals" | "vars"), args=[]), ast.Constant(str(name))):
                yield name
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id
