"""Values in a Python syntax tree and the names they go by: of variables, dictionary keys, functions, arguments."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Value:
    """A value of interest.

    Attributes:
        scope: The classes, functions, dictionaries and lists around it.
        name: Its own name; '' if it has none.
        node: The expression, or the content of a string.
        line: Where it starts.
    """

    scope: tuple[str, ...]
    name: str
    node: ast.expr | str
    line: int


_Place = tuple[ast.AST, tuple[str, ...], str]


def values(body: Sequence[ast.stmt], wanted: Callable[[ast.expr], bool], telling: re.Pattern[str]) -> Iterator[Value]:
    """Yields the outermost wanted expressions and the strings with a telling text, in the order of the source.

    After ``A = B``, A is a name of B's value too. The lines of a list of strings are one string, as in notebooks.
    """
    known: dict[str, Value] = {}
    stack: list[_Place] = [(node, (), "") for node in reversed(body)]
    while stack:
        node, scope, name = stack.pop()
        if isinstance(node, ast.expr) and wanted(node):
            value = Value(scope, name, node, node.lineno)
        elif (text := _text(node)) is not None and isinstance(node, ast.expr):
            if not telling.search(text):
                continue
            value = Value(scope, name, text, node.lineno)
        elif isinstance(node, ast.Name):
            if node.id not in known or not name:
                continue
            value = replace(known[node.id], scope=scope, name=name)
        else:
            stack += reversed(list(_children(node, scope, name, telling)))
            continue
        known[name] = value
        yield value


def _text(node: ast.AST) -> str | None:
    """The string that an expression is, also as a list of its lines."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.List) and len(node.elts) > 1:
        lines = [part.value for part in node.elts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        if len(lines) == len(node.elts) and all(line.endswith("\n") for line in lines[:-1]):
            return "".join(lines)
    return None


def _children(node: ast.AST, scope: tuple[str, ...], name: str, telling: re.Pattern[str]) -> Iterator[_Place]:
    inner = (*scope, name) if name else scope
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _assigned(target, value, scope)
        case ast.AnnAssign(target=target, annotation=annotation, value=value):  # YAML's `key: value` is an annotation
            yield from _assigned(target, value or annotation, scope)
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            for child in ast.iter_child_nodes(node):
                yield child, (*scope, node.name), ""
        case ast.Return(value=ast.expr() as value) if scope:
            yield value, scope[:-1], scope[-1]
        case ast.Dict(keys=keys, values=items):
            for key, item in zip(keys, items, strict=True):
                yield item, inner, _key(key) if key else ""
        case ast.Tuple(elts=[ast.Constant(value=str(key)), item]) if not telling.search(key):
            yield item, inner, key
        case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
            for number, element in enumerate(elements):
                yield element, inner if len(elements) > 1 else scope, str(number) if len(elements) > 1 else name
        case ast.keyword(arg=str(argument), value=value):
            yield value, inner, argument
        case _:
            for child in ast.iter_child_nodes(node):
                yield child, scope, name


def _assigned(target: ast.expr, value: ast.expr, scope: tuple[str, ...]) -> Iterator[_Place]:
    match target, value:
        case ast.Tuple(elts=targets), ast.Tuple(elts=values_) if len(targets) == len(values_):
            for part, item in zip(targets, values_, strict=True):
                yield from _assigned(part, item, scope)
        case ast.Name(id=name), _:
            yield value, scope, name
        case ast.Attribute(attr=name), _:
            yield value, scope, name
        case ast.Subscript(value=ast.Name(id=base), slice=key), _:
            yield value, (*scope, base), _key(key)
        case _:
            yield value, scope, ""


def _key(node: ast.expr) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""
