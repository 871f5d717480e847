"""Cells as foreign texts state them, and their conversion to cells of a genotype.

Texts number states as genotypes do: the inputs, then the intermediate nodes. Some leave nodes out (FairDARTS). All
dialects follow the FairDARTS program: such a node is left out, with the edges that leave it and its place in the
concat, and the nodes after it are renumbered. A node of nothing but ``none`` is zero in every program, and stays so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genocc.errors import FormatError
from genocc.genotype import MAX_EDGES, MAX_NODES
from genocc.operations import NONE


@dataclass(frozen=True)
class ForeignEdge:
    """One operation from one state, unchecked; all three fields are those of the text."""

    op: str
    source: int
    weight: float | None = None


@dataclass(frozen=True)
class ForeignCell:
    """A cell before its operations are looked up and its missing nodes left out.

    Attributes:
        nodes: Number of an intermediate node in the text -> its edges; empty if the text names the node without any.
        concat: The states in the text's concat; None if the output is every node, in the order of ``nodes``.
        inputs: Number of input states.
        notes: Remarks of the dialect, for people.
        remarks: The same about the genotype as a whole.
    """

    nodes: Mapping[int, Sequence[ForeignEdge]]
    concat: Sequence[int] | None = None
    inputs: int = 2
    notes: Sequence[str] = ()
    remarks: Sequence[str] = ()


def build(kind: str, cell: ForeignCell, operation: Callable[[str], str]) -> tuple[dict[str, Any], list[str]]:
    """Returns a cell of a genotype as plain data, and notes on what was left out.

    Args:
        kind: ``normal`` or ``reduction``, for messages.
        cell: As the text states it.
        operation: Name in the text -> operation; raises FormatError.

    Raises:
        FormatError: An operation has no counterpart, an edge does not come from an earlier state, the concat names a
            state that does not exist, or nothing is left; the message names cell, node and edge.
    """
    place = f"cell '{kind}'"
    if not cell.nodes:
        raise FormatError(f"{place}: it has no nodes; expected at least one")
    if (number := sum(map(len, cell.nodes.values()))) > MAX_EDGES:
        raise FormatError(f"{place}: {number:,} edges; expected at most {MAX_EDGES:,}")
    last = max(cell.nodes)
    if min(cell.nodes) < cell.inputs or last >= cell.inputs + MAX_NODES:
        found = brief(min(cell.nodes) if min(cell.nodes) < cell.inputs else last)
        raise FormatError(f"{place}: found node {found}; expected nodes {cell.inputs} to {cell.inputs + MAX_NODES - 1}")
    kept: dict[int, list[dict[str, Any]]] = {}
    missing, notes = [], [f"{place}: {note}" for note in cell.notes]
    listed, numbers = 0, list[int]()
    for state in range(cell.inputs, last + 1):
        edges, remarks = _edges(place, cell, state, kept, operation)
        if edges:
            kept[state] = list(edges.values())
            numbers += [listed + position for position in edges]
        else:
            missing.append(state)
        listed += len(cell.nodes.get(state, ()))
        notes += remarks
    if any(operation(edge.op) == NONE for edges in cell.nodes.values() for edge in edges):
        _keep_numbers([edge for edges in kept.values() for edge in edges], numbers)
    moved = {state: cell.inputs + index for index, state in enumerate(kept)}
    if missing:
        changes = "".join(f"; node {state} becomes {new}" for state, new in moved.items() if state != new)
        notes.append(f"{place}: {_nodes(missing)} without edges: left out, also from the concat{changes}")
    concat = cell.concat if cell.concat is not None else [state for state in cell.nodes if state in kept]
    output = [moved[state] for state in _checked(place, cell, concat, last) if state in moved]
    if not output:
        raise FormatError(f"{place}: no node of the concat has an edge; the cell has no output")
    nodes = [[{**edge, "from": moved.get(edge["from"], edge["from"])} for edge in edges] for edges in kept.values()]
    return {"inputs": cell.inputs, "nodes": nodes, "concat": output}, notes


def brief(value: object) -> str:
    """Returns a value's ``repr`` for a message, cut to one short line."""
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**30 else "an integer of over 30 digits"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _edges(
    place: str, cell: ForeignCell, state: int, kept: Mapping[int, object], operation: Callable[[str], str]
) -> tuple[dict[int, dict[str, Any]], list[str]]:
    """Returns a node's edges by their positions in the text, and notes on those that are left out."""
    edges: dict[int, dict[str, Any]] = {}
    zeros: dict[int, ForeignEdge] = {}
    notes: list[str] = []
    stated = cell.nodes.get(state, ())
    for position, edge in enumerate(stated, start=1):
        about = f"{place}, node {state}, edge {position} of {len(stated)} ({brief(edge.op)} from {brief(edge.source)})"
        try:
            op = operation(edge.op)
        except FormatError as error:
            raise FormatError(f"{about}: {error}") from None
        if not 0 <= edge.source < state:
            raise FormatError(f"{about}: not an earlier state; expected 0 to {state - 1}")
        if op == NONE:
            zeros[len(notes)] = edge
            notes.append(f"{about}: adds zero: left out")
        elif edge.source >= cell.inputs and edge.source not in kept:
            notes.append(f"{about}: comes from a node without edges: left out")
        else:
            weight = {} if edge.weight is None else {"weight": float(edge.weight)}
            if edge.weight is not None and not 0 <= edge.weight <= 1:
                notes.append(f"{about}: the weight {brief(edge.weight)} is not within 0 to 1: left out")
                weight = {}
            edges[position - 1] = {"op": op, "from": edge.source, **weight}
    if zeros and not edges:
        source = next(iter(zeros.values())).source
        edges[0] = {"op": NONE, "from": source if source < cell.inputs or source in kept else 0}
        notes = [note for number, note in enumerate(notes) if number not in zeros]
        notes.append(f"{place}, node {state}: nothing but {NONE}: a node of zeros, as in its program")
    return edges, notes


def _keep_numbers(edges: Sequence[dict[str, Any]], numbers: Sequence[int]) -> None:
    """Gives edges their numbers in the text, by which checkpoints name them, where ``none`` shifts those."""
    places = [(place, number, edge) for place, (number, edge) in enumerate(zip(numbers, edges, strict=True))]
    named = [entry for entry in places if entry[2]["op"] != NONE]
    if any(place != number for place, number, _ in named):
        for _, number, edge in named:
            edge["number"] = number


def _checked(place: str, cell: ForeignCell, concat: Sequence[int], last: int) -> Sequence[int]:
    for index, state in enumerate(concat):
        if not cell.inputs <= state <= last:
            reason = "is an input" if 0 <= state < cell.inputs else "is not in the text"
            expected = f"expected nodes {cell.inputs} to {last}"
            raise FormatError(f"{place}: the concat names state {brief(state)}, which {reason}; {expected}")
        if state in concat[:index]:
            raise FormatError(f"{place}: the concat names node {state} twice; expected each node once")
    return concat


def _nodes(states: Sequence[int]) -> str:
    return f"{'node' if len(states) == 1 else 'nodes'} {', '.join(map(str, states))}"
