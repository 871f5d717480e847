"""Python source and JSON as data: literals and ``range``, never evaluated."""

from __future__ import annotations

import ast
import json
import re
import textwrap
from collections.abc import Mapping
from typing import Any, cast

from genocc.errors import FormatError
from genocc.formats.cells import brief
from genocc.parsing import syntax_tree

_MAX_DEPTH = 16
_MAX_STARRED = 64
_JSON = {"true": True, "false": False, "null": None, "NaN": float("nan"), "nan": float("nan"), "inf": float("inf")}
_TYPES = re.compile(
    r"list|tuple|set|frozenset|sorted|int|float|str|str_|u?int(8|16|32|64)|float(16|32|64)|as_?array|array|tensor|Tensor"
    r"|LongTensor"
)
"""Calls that leave the value of their one argument as it is."""


def statements(text: str) -> list[ast.stmt]:
    """Returns the top-level statements of Python source, which may be indented as a whole; raises FormatError."""
    try:
        plain = valid_escapes(textwrap.dedent(text))
        blank = len(plain) - len(plain.lstrip())
        tree = syntax_tree("\n" * plain.count("\n", 0, blank) + plain[blank:].rstrip())
        return cast("ast.Module", tree).body
    except SyntaxError as error:
        raise FormatError(f"not Python source: {error.msg.split(';')[0]}, line {error.lineno or 1}") from None
    except (RecursionError, MemoryError):
        raise FormatError("not a genotype: expressions nested too deeply") from None
    except ValueError as error:  # a NUL character, half of a surrogate pair
        raise FormatError(f"not Python source: {str(error).split(':')[0]}") from None


_ESCAPE = re.compile(r"""\\(?P<octal>[4-7][0-7]{2})|\\(?P<valid>[\n\r\\'"abfnrtvxNuU0-7])|\\(?=.)""", re.DOTALL)


def valid_escapes(text: str) -> str:
    r"""Returns the source with the escapes of its strings written so that the parser does not warn of them.

    Such as ``\d``, which becomes ``\\d``, the same. Nobody who reads a genotype can mend that, and a filter of warnings
    would be that of the whole program.
    """

    def valid(found: re.Match[str]) -> str:
        if found["octal"]:
            return f"\\u{int(found['octal'], 8):04x}"
        return found[0] if found["valid"] else r"\\"

    return _ESCAPE.sub(valid, text)


def literal(node: ast.expr, depth: int = 0) -> Any:
    """Returns the value of a literal: str, int, float, bool, None, dict, list (of a tuple too), range.

    The constants of JSON are literals, and so is what says a literal's type: ``list(range(2, 6))``, ``np.int64(0)``,
    ``tensor([2, 3])``. A set is read only as one of whole numbers, which Python keeps in ascending order.

    Raises:
        FormatError: It is anything else, or is nested too deeply.
    """
    if depth > _MAX_DEPTH:
        raise FormatError(f"line {node.lineno}: nested too deeply; expected at most {_MAX_DEPTH} levels")
    match node:
        case ast.Constant(value=str() | int() | float() | None as value):
            return value
        case ast.Name(id=name) if name in _JSON:
            return _JSON[name]
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [value for element in elements for value in _element(element, depth + 1)]
        case ast.Set(elts=elements):
            return _ascending(node, [literal(element, depth + 1) for element in elements])
        case ast.Dict(keys=keys, values=values) if None not in keys:
            pairs = [(literal(key, depth + 1), value) for key, value in zip(keys, values, strict=True) if key]
            return unique([(key, literal(value, depth + 1)) for key, value in pairs])
        case ast.Call(args=arguments, keywords=keywords):
            return _typed(node, _type(node), arguments, [keyword.arg for keyword in keywords], depth)
    raise FormatError(f"line {node.lineno}: found {_sketch(node)}; expected plain values and range(...) only")


def called(node: ast.expr) -> str:
    """Returns the last part of the name that a call calls; '' for anything else."""
    function = node.func if isinstance(node, ast.Call) else None
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else ""


def _type(node: ast.Call) -> str:
    """The name of a type or function of Python, NumPy or PyTorch that is called; '' for any other."""
    match node.func:
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="np" | "numpy" | "torch"), attr=name):
            return name
    return ""


def _typed(node: ast.Call, name: str, arguments: list[ast.expr], keywords: list[str | None], depth: int) -> Any:
    """The value of a call that only says its argument's type."""
    if name in ("range", "arange") and 1 <= len(arguments) <= 3 and not keywords:
        return _range(node, [literal(argument, depth + 1) for argument in arguments])
    if name in ("list", "tuple") and not arguments and not keywords:
        return []
    if _TYPES.fullmatch(name) and len(arguments) == 1 and set(keywords) <= {"dtype", "device"}:
        value = literal(arguments[0], depth + 1)
        sorts = name in ("set", "frozenset", "sorted")
        return _ascending(node, value, unique=name != "sorted") if sorts else value
    raise FormatError(f"line {node.lineno}: found a call; expected plain values and range(...) only")


def _element(node: ast.expr, depth: int) -> list[Any]:
    """The values that an element of a list stands for, which are several after a star."""
    if not isinstance(node, ast.Starred):
        return [literal(node, depth)]
    value = literal(node.value, depth)
    if not isinstance(value, (list, range)) or value[_MAX_STARRED:]:
        raise FormatError(f"line {node.lineno}: found {brief(value)} after a star; expected a short list or range")
    return list(value)


def _ascending(node: ast.expr, values: Any, unique: bool = True) -> Any:
    if isinstance(values, range) and not values[_MAX_STARRED:]:
        values = list(values)
    if isinstance(values, list) and all(type(value) is int for value in values):
        return sorted(set(values) if unique else values)
    raise FormatError(f"line {node.lineno}: found a set of {brief(values)}; expected an order, or whole numbers")


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


def _range(node: ast.expr, bounds: list[Any]) -> range:
    if not all(type(bound) is int for bound in bounds) or bounds[2:] == [0]:
        raise FormatError(f"line {node.lineno}: found {_sketch(node)}; expected a range of whole numbers")
    return range(*bounds)


def _sketch(node: ast.expr) -> str:
    """The kind of an expression in words; unparsing it could recurse deeply."""
    name = {"BinOp": "arithmetic", "Name": "a name", "Call": "a call", "Attribute": "an attribute"}
    return name.get(type(node).__name__, f"Python's {type(node).__name__}")
