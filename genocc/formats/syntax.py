"""Values in a Python syntax tree and the names they go by: of variables, dictionary keys, functions, arguments."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from genocc.formats.variables import Changed, PartNamed, Variables, changes, named_parts


@dataclass(frozen=True)
class Value:
    """A value of interest.

    Attributes:
        scope: The classes, functions, dictionaries and lists around it.
        name: Its own name; '' if it has none.
        node: The expression, or the content of a string.
        line: Where it starts.
        changed: The line on which its name is then given something else, or a part of it is; 0 for none.
        made: Whether its name is that of something that an expression makes of it, such as the result of a call.
    """

    scope: tuple[str, ...]
    name: str
    node: ast.expr | str
    line: int
    changed: int = 0
    made: bool = False


@dataclass(frozen=True)
class _Place:
    """A node of the tree that waits to be looked at.

    Attributes:
        node: It.
        scope: As of a value in it.
        name: Of a value that it is.
        within: The classes and functions around it, whose variables it sees.
        direct: Whether the name is that of this very node, not of an expression around it.
        assigned: Whether the name is that of a variable.
    """

    node: ast.AST
    scope: tuple[str, ...] = ()
    name: str = ""
    within: tuple[str, ...] | None = None
    direct: bool = True
    assigned: bool = False


def values(body: Sequence[ast.stmt], wanted: Callable[[ast.expr], bool], telling: re.Pattern[str]) -> list[Value]:
    """Returns the outermost wanted expressions and the strings with a telling text, in the order of the source.

    After ``A = B``, A is a name of B's value too: of the variable that is seen there, until it is given another value.
    """
    found: list[Value] = []

    def changed(number: int, line: int) -> None:
        found[number] = replace(found[number], changed=found[number].changed or line)

    variables = Variables(changed)
    stack: list[_Place | Changed | PartNamed] = [_Place(node, within=()) for node in reversed(body)]
    while stack:
        place = stack.pop()
        if isinstance(place, PartNamed):
            variables.set_part(place.scope, place.name, place.whole)
            continue
        if isinstance(place, Changed):
            variables.change(place)
            continue
        node, scope, name, within = place.node, place.scope, place.name, place.within or ()
        if isinstance(node, ast.expr) and wanted(node):
            value = Value(scope, name, node, node.lineno, made=bool(name) and not place.direct)
        elif (text := _text(node)) is not None and isinstance(node, ast.expr):
            if not telling.search(text):
                continue
            value = Value(scope, name, text, node.lineno, made=bool(name) and not place.direct)
        elif isinstance(node, ast.Name):
            seen = variables.seen(within, node.id)
            if seen is None or not name or not place.direct:
                continue
            value = replace(found[seen], scope=scope, name=name)
            variables.same(len(found), seen)
        else:
            line = getattr(node, "lineno", 0)
            if isinstance(node, ast.Global):
                variables.declare_global(within, node.names)
            stack += [PartNamed(within, *names) for names in named_parts(node)]
            stack += [Changed(within, *change, line, len(found)) for change in changes(node)]
            children = list(_children(place, telling))
            stack += [replace(child, within=child.within or within) for child in reversed(children)]
            continue
        if place.assigned:
            variables.set(within, name, len(found))
        found.append(value)
    return found


def _text(node: ast.AST) -> str | None:
    """The string that an expression is, also as a list of its lines."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.List) and len(node.elts) > 1:
        lines = [part.value for part in node.elts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        if len(lines) == len(node.elts) and all(line.endswith("\n") for line in lines[:-1]):
            return "".join(lines)
    return None


def _children(place: _Place, telling: re.Pattern[str]) -> Iterator[_Place]:
    node, scope, name = place.node, place.scope, place.name
    inner = (*scope, name) if name else scope
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _assigned(target, value, scope)
        case ast.AnnAssign(target=target, annotation=annotation, value=value):  # YAML's `key: value` is an annotation
            yield from _assigned(target, value or annotation, scope)
        case ast.NamedExpr(target=target, value=value):
            yield from _assigned(target, value, scope)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            for child in ast.iter_child_nodes(node):
                yield _Place(child, (*scope, node.name), within=(*scope, node.name))
        case ast.Return(value=ast.expr() as value) if scope:
            yield _Place(value, scope[:-1], scope[-1])
        case ast.Dict(keys=keys, values=items):
            for key, item in zip(keys, items, strict=True):
                yield _Place(item, inner, _key(key) if key else "")
        case ast.Tuple(elts=[ast.Constant(value=str(key)), item]) if not telling.search(key):
            yield _Place(item, inner, key)
        case ast.List(elts=[element]) | ast.Tuple(elts=[element]) | ast.Set(elts=[element]):
            yield replace(place, node=element)
        case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
            for number, element in enumerate(elements):
                yield _Place(element, inner, str(number))
        case ast.keyword(arg=str(argument), value=value):
            yield _Place(value, inner, argument)
        case _:
            if isinstance(node, ast.Call) and _leaves_as_it_is(node):
                yield replace(place, node=node.args[0])
                return
            parts = list(ast.iter_child_nodes(node))
            if sum(_may_hold(part, telling) for part in parts) > 1:  # which of them has the name is not known
                name = ""
            for part in parts:
                yield replace(place, node=part, name=name, direct=False)


def _leaves_as_it_is(call: ast.Call) -> bool:
    """Whether a call's result is its one argument, or what that says."""
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in ("eval", "literal_eval", "copy", "deepcopy", "str", "repr") and len(call.args) == 1


def _may_hold(node: ast.AST, telling: re.Pattern[str]) -> bool:
    """Whether a node is or contains an expression with a value in it, not just a name or a constant."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and bool(telling.search(node.value))
    return isinstance(node, ast.expr) and not isinstance(node, ast.Name | ast.Attribute)


def _assigned(target: ast.expr, value: ast.expr, scope: tuple[str, ...]) -> Iterator[_Place]:
    match target, value:
        case ast.Tuple(elts=targets), ast.Tuple(elts=values_) if len(targets) == len(values_):
            for part, item in zip(targets, values_, strict=True):
                yield from _assigned(part, item, scope)
        case ast.Name(id=name), _:
            yield _Place(value, scope, name, assigned=True)
        case ast.Attribute(attr=name), _:
            yield _Place(value, scope, name)
        case ast.Subscript(value=ast.Name(id=base), slice=key), _:
            yield _Place(value, (*scope, base), _key(key))
        case _:
            yield _Place(value, scope)


def _key(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""
