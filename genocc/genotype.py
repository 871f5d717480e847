"""The genotype: a small, frozen description of learned cells, and its JSON file.

State 0 is the output of cell k-2, state 1 that of cell k-1; intermediate node number n is state ``inputs + n``. A
node's value is the sum of its edges, and it may have any number of them: several operations from one state, even the
same operation twice. A node whose only edge is ``none`` is the constant zero. The cell's output is the concatenation of
the states in ``concat``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from genocc.errors import GenotypeError, expectation
from genocc.files import read_text, repeated_name, write_atomically
from genocc.operations import NONE, all_operations, exists, suggestion

MAX_CELLS = 64
"""The most kinds of cell."""
MAX_NODES = 64
"""The most nodes per cell."""
MAX_EDGES = 1024
"""The most edges per cell."""
MAX_BYTES = 1 << 20
"""The most bytes of a file."""

State = Annotated[int, Field(strict=True, ge=0)]


class Edge(BaseModel):
    """One operation from one state; the operation ``none`` makes a node zero, whose only edge it is then.

    ``weight`` is the coefficient with which a search chose the edge; no net is ever multiplied by it, diagrams use it.
    ``number`` is the edge's place, from 0, in the cell's list in the program that trained it, where that is another
    than here because the list has ``none`` beside other edges; ``import-weights`` finds the edge's tensors by it. All
    edges of a cell but ``none`` have one, or no edge has.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, serialize_by_alias=True)

    op: str
    source: State = Field(alias="from")
    weight: float | None = Field(default=None, strict=True, ge=0, le=1, allow_inf_nan=False)
    number: int | None = Field(default=None, strict=True, ge=0, lt=MAX_EDGES)

    @property
    def is_none(self) -> bool:
        """Whether it is the edge of a node that is zero."""
        return self.op == NONE

    @field_validator("op")
    @classmethod
    def _known(cls, op: str) -> str:
        if not exists(op):
            context = {"found": _shown(op), "hint": suggestion(op)}
            raise PydanticCustomError("op", "unknown operation {found}; {hint}", context)
        return op


class Cell(BaseModel):
    """A directed acyclic graph of states: the inputs, then the intermediate nodes in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: int = Field(default=2, strict=True, ge=1, le=MAX_NODES)
    nodes: tuple[tuple[Edge, ...], ...]
    concat: tuple[State, ...]

    @property
    def states(self) -> int:
        """The number of states: inputs and nodes."""
        return self.inputs + len(self.nodes)

    def edges(self) -> Iterator[tuple[int, int, Edge]]:
        """Yields (state, position among the state's edges, edge) in order; those of zeros, which add nothing, not."""
        for state, edges in enumerate(self.nodes, start=self.inputs):
            for position, edge in enumerate(edges):
                if not edge.is_none:
                    yield state, position, edge

    @property
    def zeros(self) -> tuple[int, ...]:
        """The intermediate states that are the constant zero."""
        return tuple(state for state, edges in enumerate(self.nodes, start=self.inputs) if edges[0].is_none)

    @property
    def live(self) -> frozenset[int]:
        """The states from which a path leads to the concat."""
        found = set(self.concat)
        for state in range(self.states - 1, self.inputs - 1, -1):
            if state in found:
                found.update(edge.source for edge in self.nodes[state - self.inputs] if not edge.is_none)
        return frozenset(found)

    @property
    def dead(self) -> tuple[int, ...]:
        """The intermediate states that reach no entry of the concat: legal, and removed by the compiler."""
        live = self.live
        return tuple(state for state in range(self.inputs, self.states) if state not in live)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not 1 <= len(self.nodes) <= MAX_NODES:
            _refuse("nodes", f"{len(self.nodes)} nodes; expected 1 to {MAX_NODES}")
        if (edges := sum(map(len, self.nodes))) > MAX_EDGES:
            _refuse("nodes", f"{edges:,} edges; expected at most {MAX_EDGES:,}")
        for number, node in enumerate(self.nodes):
            if not node:
                _refuse(f"nodes[{number}]", "a node without edges; expected one or more (for a node of zeros 'none')")
            for position, edge in enumerate(node):
                where, state = f"nodes[{number}][{position}]", self.inputs + number
                if edge.source >= state:
                    found = f"state {edge.source} is not earlier than state {state}"
                    _refuse(f"{where}.from", f"{found}; expected 0 to {state - 1}")
                if edge.is_none and len(node) > 1:
                    _refuse(f"{where}.op", "'none' adds nothing to the node's other edges; leave the edge out")
        self._check_numbers()
        if not self.concat:
            _refuse("concat", "an empty concat; expected at least one intermediate state")
        for index, state in enumerate(self.concat):
            if not self.inputs <= state < self.states:
                expected = f"expected an intermediate state, {self.inputs} to {self.states - 1}"
                _refuse(f"concat[{index}]", f"state {state} is not an intermediate state; {expected}")
            if state in self.concat[:index]:
                _refuse(f"concat[{index}]", f"state {state} stands in the concat already; name each state once")
        return self

    def _check_numbers(self) -> None:
        seen: set[int | None] = set()
        for state, position, edge in self.edges():
            where = f"nodes[{state - self.inputs}][{position}].number"
            if seen and (edge.number is None) != (None in seen):
                _refuse(where, "some edges of the cell have a number and some have none; expected all or none")
            if edge.number is not None and edge.number in seen:
                _refuse(where, f"{edge.number} is the number of an edge before it; expected another for each edge")
            seen.add(edge.number)


class Genotype(BaseModel):
    """Cells by kind (``normal``, ``reduction``), with a name and free metadata; the hourglass's waist."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    format: Literal["genocc.genotype"] = "genocc.genotype"
    version: Literal[1] = 1
    name: str = Field(min_length=1, max_length=200)
    cells: dict[str, Cell] = Field(min_length=1)
    metadata: dict[str, JsonValue] = Field(default_factory=dict)

    @field_validator("version", mode="before")
    @classmethod
    def _integer(cls, version: object) -> object:
        if version != 1 or isinstance(version, (bool, float)):
            raise PydanticCustomError(
                "version", "version {found}; this genocc reads version 1", {"found": _shown(version)}
            )
        return version

    @field_validator("name")
    @classmethod
    def _printable(cls, name: str) -> str:
        if not name.isprintable():
            raise PydanticCustomError("name", "a name has printable characters only")
        return name

    @field_validator("cells")
    @classmethod
    def _kinds(cls, cells: dict[str, Cell]) -> dict[str, Cell]:
        if len(cells) > MAX_CELLS:
            raise PydanticCustomError("kind", f"{len(cells):,} cells; expected at most {MAX_CELLS}")
        for kind in cells:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", kind):
                raise PydanticCustomError(
                    "kind", "{found} cannot name a cell; expected letters, digits and _", {"found": _shown(kind)}
                )
        return cells

    @property
    def hash(self) -> str:
        """The identity: SHA-256, equal for genotypes that compute the same; see `genocc.identity`."""
        from genocc.identity import cells_hash

        return cells_hash(self.cells)

    @classmethod
    def from_dict(cls, data: object, where: str = "genotype") -> Self:
        """Returns the genotype that parsed JSON describes.

        Args:
            data: What ``json.loads`` gives.
            where: The file or other place that messages name.

        Raises:
            GenotypeError: The first thing that is wrong, with its JSON path.
        """
        try:
            genotype = cls.model_validate(data)
            json.dumps(genotype.metadata, ensure_ascii=False, allow_nan=False).encode()
        except ValidationError as error:
            raise GenotypeError(f"{where}: {_explain(error)}") from None
        except UnicodeEncodeError:
            raise GenotypeError(f"{where}: $.metadata: half of a surrogate pair; expected whole characters") from None
        return genotype

    @classmethod
    def loads(cls, text: str, where: str = "genotype") -> Self:
        """Returns the genotype in a JSON text; arguments and errors as in `from_dict`."""
        if len(text) > MAX_BYTES:
            raise GenotypeError(f"{where}: $: {len(text):,} characters; expected at most {MAX_BYTES:,}")
        try:
            data = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
        except GenotypeError as error:
            raise GenotypeError(f"{where}: {error}") from None
        except json.JSONDecodeError as error:
            foreign = "; `genocc import` reads what other programs write" if not text.lstrip().startswith("{") else ""
            raise GenotypeError(
                f"{where}: $: not JSON: {error.msg} at line {error.lineno} column {error.colno}{foreign}"
            ) from None
        except RecursionError:
            raise GenotypeError(f"{where}: $: nested too deeply for a genotype") from None
        except ValueError as error:  # an integer of thousands of digits
            raise GenotypeError(f"{where}: $: not a genotype: {str(error).split(';')[0]}") from None
        return cls.from_dict(data, where)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Reads a genotype file (``-``: standard input); raises FileError, or GenotypeError as `from_dict`."""
        return cls.loads(read_text(path, limit=MAX_BYTES), where=str(path))

    def dumps(self) -> str:
        """Returns the JSON text: the same bytes for equal genotypes, one line per node."""
        cells = []
        for kind, cell in self.cells.items():
            nodes = ",\n".join(
                f"        {_json([edge.model_dump(exclude_none=True) for edge in node])}" for node in cell.nodes
            )
            cells.append(
                f'    {_json(kind)}: {{\n      "inputs": {cell.inputs},\n      "nodes": [\n{nodes}\n      ],\n'
                f'      "concat": {_json(cell.concat)}\n    }}'
            )
        metadata = json.dumps(self.metadata, indent=2, ensure_ascii=False, allow_nan=False).replace("\n", "\n  ")
        return (
            f'{{\n  "format": {_json(self.format)},\n  "version": {self.version},\n  "name": {_json(self.name)},\n'
            f'  "cells": {{\n' + ",\n".join(cells) + f'\n  }},\n  "metadata": {metadata}\n}}\n'
        )

    def save(self, path: str | Path) -> None:
        """Writes the JSON file, all or nothing; raises FileError."""
        write_atomically(path, self.dumps())


def schema() -> dict[str, Any]:
    """Returns the JSON Schema of a genotype file; rules between fields are in the descriptions."""
    result = Genotype.model_json_schema()
    result["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    result["$defs"]["Edge"]["properties"]["op"]["enum"] = list(all_operations())
    result["required"] = ["format", "version", *result["required"]]
    return result


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _refuse(where: str, message: str) -> NoReturn:
    raise PydanticCustomError("cell", "{message}", {"message": message, "where": where})


def _explain(error: ValidationError) -> str:
    """The first problem as `path: found, expected`, and how many more there are."""
    problems = error.errors(include_url=False)
    first = problems[0]
    context: Mapping[str, Any] = first.get("ctx", {})
    path = "$" + "".join(map(_step, first["loc"]))
    path += f".{context['where']}" if "where" in context else ""
    kind = first["type"]
    if kind == "missing":
        message = "the field is missing"
    elif kind == "extra_forbidden":
        message = "unknown field; remove it (free notes go into $.metadata)"
    elif kind in ("model_type", "dict_type"):
        message = f"found {_shown(first['input'])}; expected a JSON object"
    elif kind in ("op", "cell", "version", "name", "kind"):
        message = first["msg"]
    else:
        message = f"found {_shown(first['input'])}; {expectation(first['msg'])}"
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{path}: {message}{more}"


def _step(part: int | str) -> str:
    """One step of a JSON path; keys other than plain words are quoted, so that a path is one line."""
    return f".{part}" if isinstance(part, str) and part.isidentifier() else f"[{_shown(part)}]"


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if (twice := repeated_name(pairs)) is not None:
        raise GenotypeError(f"$.{_step(twice)}: the field stands twice in one object; remove one")
    return dict(pairs)


def _no_constant(text: str) -> NoReturn:
    raise GenotypeError(f"$: {text} is not JSON; expected a finite number")
