"""What the dialects share whose texts are calls such as ``Genotype(normal=[...], normal_concat=[...], ...)``."""

from __future__ import annotations

import ast
import keyword
import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from genocc.errors import FormatError
from genocc.formats.base import Dialect
from genocc.formats.cells import ForeignCell, ForeignEdge, shown
from genocc.formats.literals import assigned, literal
from genocc.genotype import MAX_NODES, Cell, Genotype

FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat")


class GenotypeCalls(Dialect):
    """A dialect of ``Genotype(...)`` calls with a field and a concat field for each cell.

    Attributes:
        form: What an edge's tuple has, by position: op, from, to, weight.
        optional: Fields that may stand there if they are None.
    """

    form: ClassVar[tuple[str, ...]]
    optional: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def cell(self, place: str, value: Any, concat: Any) -> ForeignCell:
        """Returns a cell from the literal values of its two fields."""

    @abstractmethod
    def listed(self, cell: Cell) -> str:
        """Returns the text of a cell's field."""

    def entries(self, text: str) -> Mapping[str, Any]:
        return assigned(text, lambda node: is_call(node, "Genotype"))

    def cells(self, entry: Any) -> Mapping[str, ForeignCell]:
        return self.cells_of(fields(entry, (*FIELDS, *self.optional)))

    def cells_of(self, values: Mapping[str, Any]) -> dict[str, ForeignCell]:
        """Returns the cells that the fields state; raises FormatError where a field lacks, or is one too many."""
        for field, value in values.items():
            if field not in FIELDS and (field not in self.optional or value is not None):
                raise FormatError(f"unknown field {shown(field)}; expected {', '.join(FIELDS)}")
        if absent := [field for field in FIELDS if field not in values]:
            raise FormatError(f"the field {absent[0]} is missing; expected {', '.join(FIELDS)}")
        if values["reduce"] is None:
            raise FormatError(
                "reduce=None: its program puts a hand-written reduction cell there, for which genocc has no "
                "operations; only texts that spell out both cells can be imported"
            )
        return {
            "normal": self.cell("cell 'normal'", values["normal"], values["normal_concat"]),
            "reduction": self.cell("cell 'reduction'", values["reduce"], values["reduce_concat"]),
        }

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

    def edge(self, place: str, value: Any, form: Sequence[str] | None = None) -> dict[str, Any]:
        """Returns an edge's tuple by what its fields mean, checked; raises FormatError."""
        form = form or self.form
        if not isinstance(value, list) or len(value) != len(form):
            raise FormatError(f"{place}: found {shown(value)}; expected ({', '.join(form)})")
        edge = dict(zip(form, value, strict=True))
        for field, item in edge.items():
            wanted = {"op": (str,), "weight": (int, float)}.get(field, (int,))
            if type(item) not in wanted:
                noun = {"op": "an operation's name", "weight": "a number"}.get(field, "a state's number")
                raise FormatError(f"{place}: found {shown(item)} as {field}; expected {noun}")
        return edge

    def paired(self, place: str, value: Any) -> dict[int, list[ForeignEdge]]:
        """Returns the nodes of a flat list whose entries 2i and 2i+1 are the edges of node i+2."""
        edges = [
            foreign(self.edge(f"{place}, entry {number}", item))
            for number, item in enumerate(listing(place, value), start=1)
        ]
        if len(edges) % 2:
            raise FormatError(f"{place}: an odd number of edges, {len(edges):,}; expected two a node")
        return {2 + number: edges[2 * number : 2 * number + 2] for number in range(len(edges) // 2)}


def is_call(node: ast.expr, suffix: str) -> bool:
    """Whether an expression calls something whose name ends so: ``Genotype(...)``, ``gt.CNNGenotype(...)``."""
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
    return name.endswith(suffix)


def fields(entry: ast.Call, order: Sequence[str] | None) -> dict[str, Any]:
    """Returns the literal arguments of a call by name.

    Args:
        entry: The call.
        order: Names of positional arguments; None where there may be none.

    Raises:
        FormatError: An argument is no literal, or stands twice.
    """
    if len(entry.args) > len(order or ()):
        raise FormatError(f"line {entry.lineno}: {len(entry.args)} arguments without a name; name each")
    values = {name: literal(value) for name, value in zip(order or (), entry.args, strict=False)}
    for argument in entry.keywords:
        if argument.arg is None or argument.arg in values:
            found = "**" if argument.arg is None else f"{argument.arg} twice"
            raise FormatError(f"line {entry.lineno}: found {found}; expected each field once, by its name")
        values[argument.arg] = literal(argument.value)
    return values


def listing(place: str, value: Any) -> list[Any]:
    """Returns a value that has to be a list; raises FormatError."""
    if not isinstance(value, list):
        raise FormatError(f"{place}: found {shown(value)}; expected a list")
    return value


def states(place: str, value: Any) -> list[int]:
    """Returns a concat field's value, a list or a range; raises FormatError."""
    if isinstance(value, range):
        if value[MAX_NODES:]:
            raise FormatError(f"{place}, concat: a range of more than {MAX_NODES} numbers; a cell has fewer nodes")
        return list(value)
    for state in listing(f"{place}, concat", value):
        if type(state) is not int:
            raise FormatError(f"{place}, concat: found {shown(state)}; expected the numbers of nodes")
    return list(value)


def foreign(edge: Mapping[str, Any]) -> ForeignEdge:
    """Returns the edge that a tuple states."""
    return ForeignEdge(edge["op"], edge["from"], edge.get("weight"))


def identifier(name: str) -> str:
    """Returns a Python name for a genotype's name."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    return plain if plain.isidentifier() and not keyword.iskeyword(plain) else f"_{plain}"
