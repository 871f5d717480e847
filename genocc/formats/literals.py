"""Python source and JSON as data: literals and ``range``, never evaluated."""

from __future__ import annotations

import ast
import json
import re
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

from genocc.errors import FormatError
from genocc.formats.cells import brief

_MAX_DEPTH = 16


def statements(text: str) -> list[ast.stmt]:
    """Returns the top-level statements of Python source, which may be indented as a whole; raises FormatError."""
    try:
        return ast.parse(_valid_escapes(textwrap.dedent(text).strip())).body
    except SyntaxError as error:
        raise FormatError(f"not Python source: {error.msg.split(';')[0]}, line {error.lineno or 1}") from None
    except (RecursionError, MemoryError):
        raise FormatError("not a genotype: expressions nested too deeply") from None
    except ValueError as error:  # a NUL character, half of a surrogate pair
        raise FormatError(f"not Python source: {str(error).split(':')[0]}") from None


_ESCAPE = re.compile(r"""\\(?P<octal>[4-7][0-7]{2})|\\(?P<valid>[\n\r\\'"abfnrtvxNuU0-7])|\\(?=.)""", re.DOTALL)


def _valid_escapes(text: str) -> str:
    r"""Returns the source with the escapes of its strings written so that the parser does not warn of them.

    Such as ``\d``, which becomes ``\\d``, the same. Nobody who reads a genotype can mend that, and a filter of warnings
    would be that of the whole program.
    """

    def valid(found: re.Match[str]) -> str:
        if found["octal"]:
            return f"\\u{int(found['octal'], 8):04x}"
        return found[0] if found["valid"] else r"\\"

    return _ESCAPE.sub(valid, text)


def assigned(text: str, wanted: Callable[[ast.expr], bool]) -> dict[str, ast.expr]:
    """Returns the top-level values of a kind in Python source, by the name that they are assigned to.

    Args:
        text: The source; everything else in it is ignored. After ``A = B``, A is a name of B's value too.
        wanted: Whether an expression is such a value.

    Returns:
        Name -> expression. A value without an assignment is named '', several of them #1, #2, ...
    """
    found: dict[str, ast.expr] = {}
    alone = []
    for statement in statements(text):
        value = getattr(statement, "value", None)
        if isinstance(statement, ast.Assign):
            targets = statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        else:
            targets = []
        if isinstance(statement, ast.Expr) and wanted(statement.value):
            alone.append(statement.value)
        for target in targets:
            if isinstance(value, ast.Name) and value.id in found:
                value = found[value.id]
            if isinstance(target, ast.Name) and value is not None and wanted(value):
                found[target.id] = value
    if len(alone) == 1:
        return {**found, "": alone[0]}
    return found | {f"#{number}": value for number, value in enumerate(alone, start=1)}


def literal(node: ast.expr, depth: int = 0) -> Any:
    """Returns the value of a literal: str, int, float, bool, None, dict, list (of a tuple too), range.

    Raises:
        FormatError: It is anything else, or is nested too deeply.
    """
    if depth > _MAX_DEPTH:
        raise FormatError(f"line {node.lineno}: nested too deeply; expected at most {_MAX_DEPTH} levels")
    match node:
        case ast.Constant(value=str() | int() | float() | None as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [literal(element, depth + 1) for element in elements]
        case ast.Dict(keys=keys, values=values) if None not in keys:
            pairs = [(literal(key, depth + 1), value) for key, value in zip(keys, values, strict=True) if key]
            return unique([(key, literal(value, depth + 1)) for key, value in pairs])
        case ast.Call(func=ast.Name(id="range"), args=arguments, keywords=[]) if 1 <= len(arguments) <= 3:
            return _range(node, [literal(argument, depth + 1) for argument in arguments])
    raise FormatError(f"line {node.lineno}: found {_sketch(node)}; expected plain values and range(...) only")


def mapping(text: str, key: str) -> dict[str, Any]:
    """Returns the mappings in JSON or Python source by name, not parsed yet, whose first key contains ``key``."""
    if text.lstrip().startswith("{"):
        try:
            return {"": json.loads(text, object_pairs_hook=unique)}
        except (ValueError, RecursionError):  # not JSON but a Python dict, or neither: the parser below says so
            pass
    if text.lstrip().startswith(("'", '"')):
        text = "{" + text + "}"  # the inside of a dict, as documentation prints it
    return dict(assigned(text, lambda node: isinstance(node, ast.Dict) and _first_key(node).find(key) >= 0))


def json_object(values: Mapping[str, Any]) -> str:
    """Returns the JSON text of an object, one line per key."""
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in values.items())
    return f"{{\n{lines}\n}}\n"


def unique(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    """Returns a dict of pairs with hashable, distinct keys; raises FormatError."""
    result: dict[Any, Any] = {}
    for key, value in pairs:
        if not isinstance(key, (str, int, float)):
            raise FormatError(f"found {brief(key)} as a key; expected a text")
        if key in result:
            raise FormatError(f"the key {brief(key)} stands twice; expected each key once")
        result[key] = value
    return result


def _first_key(node: ast.Dict) -> str:
    first = node.keys[0] if node.keys else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""


def _range(node: ast.expr, bounds: list[Any]) -> range:
    if not all(type(bound) is int for bound in bounds) or bounds[2:] == [0]:
        raise FormatError(f"line {node.lineno}: found {_sketch(node)}; expected a range of whole numbers")
    return range(*bounds)


def _sketch(node: ast.expr) -> str:
    """The kind of an expression in words; unparsing it could recurse deeply."""
    name = {"BinOp": "arithmetic", "Name": "a name", "Call": "a call", "Attribute": "an attribute"}
    return name.get(type(node).__name__, f"Python's {type(node).__name__}")
