"""The base of dialects whose texts are calls such as ``Genotype(normal=[...], normal_concat=[...], ...)``.

The same fields may stand in a dictionary, or in a list in their order: what JSON makes of a named tuple.
"""

from __future__ import annotations

import ast
import keyword
import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from genocc.errors import FormatError
from genocc.formats.base import Dialect
from genocc.formats.cells import ForeignCell, ForeignEdge, brief
from genocc.formats.literals import called, literal
from genocc.formats.named_tuples import with_names
from genocc.formats.sightings import Sighting, Sought, sightings
from genocc.genotype import MAX_NODES, Cell, Edge, Genotype
from genocc.operations import NONE

FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat")
SYNONYMS = {"reduction": "reduce", "reduction_concat": "reduce_concat"}
INERT = {"layout": ("cell",)}
"""Further field -> values with which it says nothing about the cells: sharpDARTS' ``layout='cell'``."""

BOOKKEEPING = re.compile(
    r"(?:(?:train|valid|val|test|best|search|final)_)?(?:acc|accuracy|loss|error|err|score|fitness|reward|top1|top5)"
    r"|epochs?|seed|name|id|index|params|flops|macs|latency|date|time|timestamp|dataset|comment|description|source"
)
"""Further fields of a text or a number that people keep with a genotype."""


class GenotypeCalls(Dialect):
    """A dialect of ``Genotype(...)`` calls with a field and a concat field for each cell.

    Attributes:
        edge_fields: The fields of an edge's tuple by position, some of: op, from, to, weight.
        optional: Further fields of the call, which have to be None.
    """

    edge_fields: ClassVar[tuple[str, ...]]
    optional: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def cell(self, place: str, value: Any, concat: Any) -> ForeignCell:
        """Returns a cell from the literal values of its two fields."""

    def entries(self, text: str) -> Sequence[Sighting]:
        return with_names(text, sightings(text, SOUGHT))

    def cells(self, entry: Any) -> Mapping[str, ForeignCell]:
        return self.cells_of(fields(entry, (*FIELDS, *self.optional)))

    def cells_of(self, values: Mapping[str, Any]) -> dict[str, ForeignCell]:
        """Returns the cells that the fields state; raises FormatError if a field is missing or unknown."""
        values = renamed(values)
        remarks: tuple[str, ...] = ()
        for field, value in values.items():
            if field in FIELDS or (field in self.optional and value is None):
                continue
            kept = BOOKKEEPING.fullmatch(field) and isinstance(value, (str, int, float))
            if not kept and value not in INERT.get(field, ()) and value not in (None, "", [], {}):
                raise FormatError(f"unknown field {brief(field)}; expected {', '.join(FIELDS)}")
            remarks += (f"the field {field}={brief(value)} has no effect: left out",)
        if values.get("reduce") == []:
            values.setdefault("reduce_concat", [])
        if absent := [field for field in FIELDS if field not in values]:
            raise FormatError(f"the field {absent[0]} is missing; expected {', '.join(FIELDS)}")
        if values["reduce"] is None:
            raise FormatError(
                "reduce=None: its program puts a hand-written reduction cell there, for which genocc has no "
                "operations; only texts that spell out both cells can be imported"
            )
        cells = {"normal": self.cell("cell 'normal'", values["normal"], values["normal_concat"])}
        if values["reduce"] != []:
            cells["reduction"] = self.cell("cell 'reduction'", values["reduce"], values["reduce_concat"])
        return {kind: replace(cell, remarks=remarks) for kind, cell in cells.items()}

    def text(self, genotype: Genotype) -> str:
        return f"{identifier(genotype.name)} = {self.call(genotype)}\n"

    def call(self, genotype: Genotype) -> str:
        """Returns the call alone."""
        normal, reduction = genotype.cells["normal"], genotype.cells["reduction"]
        return (
            f"Genotype(normal={self.listed(normal)}, normal_concat={list(normal.concat)}, "
            f"reduce={self.listed(reduction)}, reduce_concat={list(reduction.concat)}"
            + "".join(f", {field}=None" for field in self.optional)
            + ")"
        )

    def listed(self, cell: Cell) -> str:
        """Returns the text of a cell's field: a flat list of tuples of ``edge_fields``; an absent weight is 1.0.

        Where the number of edges per node is fixed, nodes behind the last of the concat, all dead, are left out: the
        concat says how many nodes there are.
        """
        tuples = []
        for state, edges in enumerate(filled(cell, self.limits.edges), start=cell.inputs):
            if self.limits.edges is not None and state > max(cell.concat):
                break  # dead, and a flat list ends with the last node of the concat
            for edge in edges:
                texts = {
                    "op": repr(self.vocabulary.spelling(edge.op)),
                    "from": str(edge.source),
                    "to": str(state),
                    "weight": str(1.0 if edge.weight is None else edge.weight),
                }
                tuples.append(f"({', '.join(texts[field] for field in self.edge_fields)})")
        return f"[{', '.join(tuples)}]"

    def edge(self, place: str, value: Any, names: Sequence[str] | None = None) -> dict[str, Any]:
        """Returns an edge's tuple as field -> value, checked; raises FormatError.

        Args:
            place: Where it is, for messages.
            value: The tuple, as a list.
            names: Its fields; ``edge_fields`` if not given.
        """
        names = names or self.edge_fields
        if not isinstance(value, list) or len(value) != len(names):
            raise FormatError(f"{place}: found {brief(value)}; expected ({', '.join(names)})")
        edge = dict(zip(names, value, strict=True))
        for field, item in edge.items():
            wanted = {"op": (str,), "weight": (int, float)}.get(field, (int,))
            if type(item) not in wanted:
                noun = {"op": "an operation's name", "weight": "a number"}.get(field, "a state's number")
                raise FormatError(f"{place}: found {brief(item)} as {field}; expected {noun}")
            if field == "weight" and type(item) is int and item > 1:  # no softmax or sigmoid gives it
                raise FormatError(
                    f"{place}: found {brief(item)} as weight, which looks like the state that the edge leads to; "
                    f"expected ({', '.join(names)}) with a weight of 0 to 1, and the edges of a node together"
                )
        return edge

    def flat(self, place: str, value: Any, concat: Sequence[int]) -> dict[int, list[ForeignEdge]]:
        """Returns the nodes of a flat list of edges, which leaves implicit where a node ends.

        The last node of the concat says how many nodes there are. Then the list has two edges per node, or one from
        every earlier state (2 + 3 + 4 + ... in all, as the SNAS program writes it).

        Args:
            place: Where it is, for messages.
            value: The list.
            concat: The states of the concat.

        Raises:
            FormatError: The number of edges fits neither, or an edge of every state is not what the list has.
        """
        edges = [
            foreign(self.edge(f"{place}, entry {number}", item))
            for number, item in enumerate(listing(place, value), start=1)
        ]
        last = max(concat, default=0)
        count = last - 1 if 2 <= last < 2 + MAX_NODES and edges else (len(edges) + 1) // 2
        every = count * (count + 3) // 2
        if len(edges) not in (2 * count, every):
            raise FormatError(
                f"{place}: {len(edges):,} edge{'s' * (len(edges) != 1)}, but the last node of the concat is {last}, "
                f"the {_ordinal(count)}; expected {2 * count} edges (two per node) or {every} (one from every earlier "
                "state)"
            )
        sizes = [2] * count if len(edges) == 2 * count else range(2, 2 + count)
        start, nodes = 0, {}
        for state, size in enumerate(sizes, start=2):
            nodes[state] = edges[start : start + size]
            start += size
            sources = [edge.source for edge in nodes[state]]
            if size > 2 and sorted(sources) != list(range(state)):
                raise FormatError(
                    f"{place}: {len(edges):,} edges, as many as {count} nodes have with one edge from every earlier "
                    f"state, but those of node {state} come from {brief(sources)}; expected 0 to {state - 1}, each once"
                )
        return nodes


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def is_call(node: ast.expr, suffix: str) -> bool:
    """Whether an expression calls something whose name ends in the suffix: ``gt.CNNGenotype(...)`` in Genotype."""
    return called(node).endswith(suffix)


def is_genotype(node: ast.expr) -> bool:
    """Whether an expression is a ``Genotype(...)``, or has its fields as a dictionary or as a list in their order."""
    match node:
        case ast.Call() if is_call(node, "Genotype"):
            return True
        case ast.Call() | ast.Dict() if not isinstance(node, ast.Call) or called(node) in _DICTS:
            return any(name == "normal" and isinstance(value, _LISTS) for name, value in _arguments(node)[1])
        case ast.List(elts=elements) | ast.Tuple(elts=elements) if len(elements) == len(FIELDS):
            shapes = [{type(item) for item in part.elts} if isinstance(part, _LISTS) else set() for part in elements]
            return all(shape <= set(_LISTS) for shape in shapes[::2]) and all(
                shape == {ast.Constant} for shape in shapes[1::2]
            )
    return False


_LISTS = (ast.List, ast.Tuple)
_DICTS = ("dict", "OrderedDict")
OPENING = r"(?:Genotype|OrderedDict|\bdict)\s*\(|\{"
SOUGHT = Sought(
    is_genotype,
    telling=re.compile(r"Genotype\s*\(|normal|[(\[]\s*[(\[]\s*[(\[]"),
    opening=re.compile(OPENING),
)


def fields(entry: ast.expr, order: Sequence[str] | None) -> dict[str, Any]:
    """Returns the literal fields of a genotype by name.

    Args:
        entry: A call, a dictionary, or a list.
        order: Names of fields without a name; None if they are not allowed.

    Raises:
        FormatError: A field is not a literal, or is given twice.
    """
    unnamed, named = _arguments(entry)
    if len(unnamed) > len(order or ()):
        raise FormatError(f"line {entry.lineno}: {len(unnamed)} arguments without a name; name each")
    values = {name: literal(value) for name, value in zip(order or (), unnamed, strict=False)}
    for name, value in named:
        if name is None or name in values:
            found = "**" if name is None else f"{name} twice"
            raise FormatError(f"line {entry.lineno}: found {found}; expected each field once, by its name")
        values[name] = literal(value)
    return values


def renamed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns fields by their usual names; raises FormatError for one that is there by both of its names."""
    result: dict[str, Any] = {}
    for field, value in values.items():
        name = SYNONYMS.get(field, field)
        if name in result:
            raise FormatError(f"found {name} twice, by two names; expected each field once")
        result[name] = value
    return result


def _arguments(node: ast.expr) -> tuple[list[ast.expr], list[tuple[str | None, ast.expr]]]:
    """The fields without and with a name; a name that is not a literal is None."""
    match node:
        case ast.Call(args=[ast.List() | ast.Dict() as inner], keywords=[]) if called(node) in _DICTS:
            if isinstance(inner, ast.Dict):
                return _arguments(inner)
            return [], [_pair(pair) for pair in inner.elts]
        case ast.Call(args=unnamed, keywords=keywords):
            named: list[tuple[str | None, ast.expr]] = []
            for argument in keywords:
                spread = argument.arg is None and isinstance(argument.value, ast.Dict)
                named += _arguments(argument.value)[1] if spread else [(argument.arg, argument.value)]
            return list(unnamed), named
        case ast.Dict(keys=keys, values=values):
            return [], [(_text(key), value) for key, value in zip(keys, values, strict=True)]
        case ast.List(elts=unnamed) | ast.Tuple(elts=unnamed):
            return list(unnamed), []
    return [], []


def _pair(node: ast.expr) -> tuple[str | None, ast.expr]:
    match node:
        case ast.Tuple(elts=[key, value]) | ast.List(elts=[key, value]):
            return _text(key), value
    return None, node


def _text(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def listing(place: str, value: Any) -> list[Any]:
    """Returns a value if it is a list; raises FormatError otherwise."""
    if not isinstance(value, list):
        raise FormatError(f"{place}: found {brief(value)}; expected a list")
    return value


def states(place: str, value: Any) -> list[int]:
    """Returns the states of a concat field, a list or a range; raises FormatError."""
    if isinstance(value, range):
        if value[MAX_NODES:]:
            raise FormatError(f"{place}, concat: a range of more than {MAX_NODES} numbers; a cell has fewer nodes")
        return list(value)
    for state in listing(f"{place}, concat", value):
        if type(state) is not int:
            raise FormatError(f"{place}, concat: found {brief(state)}; expected the numbers of nodes")
    return list(value)


def filled(cell: Cell, length: int | None) -> list[list[Edge]]:
    """Returns each node's edges as a text lists them: filled up with ``none`` to a length, if there is one.

    ``none`` stands behind the others, or where the numbers of a cell's edges say that it stood.
    """
    none = Edge.model_validate({"op": NONE, "from": 0})
    if length is None:
        return [list(edges) for edges in cell.nodes]
    first = cell.inputs
    fits = all(edge.number is not None and edge.number // length == state - first for state, _, edge in cell.edges())
    nodes = []
    for edges in cell.nodes:
        numbered = {edge.number % length: edge for edge in edges if fits and edge.number is not None}
        behind = [*edges, *[none] * (length - len(edges))]
        nodes.append([numbered.get(place, none) for place in range(length)] if numbered else behind)
    return nodes


def foreign(edge: Mapping[str, Any]) -> ForeignEdge:
    """Returns the edge that a checked tuple states."""
    return ForeignEdge(edge["op"], edge["from"], edge.get("weight"))


def identifier(name: str) -> str:
    """Returns a genotype's name as a Python identifier."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    return plain if plain.isidentifier() and not keyword.iskeyword(plain) else f"_{plain}"
