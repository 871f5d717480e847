"""The architecture files of NNI 1 and 2's DARTS example, which name mutables: ``normal_n2_p0``, ``normal_n2_switch``.

``<cell>_n<node>_p<from>`` is the operation of an edge, by its name or its number, and ``<cell>_n<node>_switch`` lists
the edges that a node uses. Both may also be lists of truth values, one per candidate. The output is every node.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from genocc.errors import FormatError
from genocc.formats.cells import ForeignCell, ForeignEdge, brief
from genocc.formats.vocabulary import SEVEN

NAMES = dict(
    zip(
        ("maxpool", "avgpool", "skipconnect", "sepconv3x3", "sepconv5x5", "dilconv3x3", "dilconv5x5"),
        SEVEN,
        strict=True,
    )
)
"""Name of an operation in the example -> genocc's, in the order of its numbers."""

KEY = re.compile(r"(normal|reduce)_n([0-9]{1,2})_(?:p[0-9]{1,2}|switch)")
_KINDS = {"normal": "normal", "reduce": "reduction"}


def cells(values: Mapping[str, Any]) -> dict[str, ForeignCell]:
    """Returns the cells of an architecture by kind.

    Raises:
        FormatError: A key is unknown or missing, or a value is none of what the program writes.
    """
    last: dict[str, int] = {}
    for key in values:
        match = KEY.fullmatch(key) if isinstance(key, str) else None
        if not match or int(match[2]) < 2:
            raise FormatError(f"unknown key {brief(key)}; expected <cell>_n<node>_p<from> or <cell>_n<node>_switch")
        node = f"{match[1]}_n{int(match[2])}"
        known = [f"{node}_switch", *(f"{node}_p{source}" for source in range(int(match[2])))]
        if key not in known:
            raise FormatError(f"unknown key {brief(key)}; expected {known[1]} to {known[-1]}, or {known[0]}")
        last[match[1]] = max(int(match[2]), last.get(match[1], 2))
    found = {}
    for cell, kind in _KINDS.items():
        if cell in last:
            nodes = {node: _edges(values, f"{cell}_n{node}", node) for node in range(2, last[cell] + 1)}
            found[kind] = ForeignCell(nodes, remarks=_remarks(nodes))
    return found


def _remarks(nodes: Mapping[int, list[ForeignEdge]]) -> list[str]:
    pools = any("pool" in edge.op for edges in nodes.values() for edge in edges)
    return ["NNI's example has BN after a pool; genocc has none"] if pools else []


def _edges(values: Mapping[str, Any], node: str, number: int) -> list[ForeignEdge]:
    switch = f"{node}_switch"
    if switch not in values:
        raise FormatError(f"{switch} is missing; expected the edges that the node uses")
    candidates = [f"{node}_p{source}" for source in range(number)]
    sources = [_index(switch, item, candidates) for item in _chosen(switch, values[switch], candidates)]
    if not sources or len(set(sources)) != len(sources):
        raise FormatError(f"{switch}: found {brief(values[switch])}; expected one or more edges, each once")
    edges = []
    for source in sources:
        key = candidates[source]
        operations = _chosen(key, values.get(key, []), NAMES)
        if len(operations) != 1:
            raise FormatError(
                f"{key}: found {brief(values.get(key))}; expected the operation, as {switch} has the edge"
            )
        edges.append(ForeignEdge(_operation(key, operations[0]), source))
    return edges


def _chosen(key: str, value: Any, candidates: Any) -> list[Any]:
    """What a value chooses: itself, its items, or the positions at which it is true."""
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(item, bool) for item in items):
        return items
    if len(items) != len(candidates):
        raise FormatError(f"{key}: found {len(items)} truth values; expected {len(candidates)}, one per candidate")
    return [position for position, item in enumerate(items) if item]


def _index(key: str, item: Any, names: list[str]) -> int:
    if isinstance(item, str) and item in names:
        return names.index(item)
    if type(item) is int and 0 <= item < len(names):
        return item
    raise FormatError(f"{key}: found {brief(item)}; expected {names[0]} to {names[-1]}, or 0 to {len(names) - 1}")


def _operation(key: str, item: Any) -> str:
    if type(item) is int and 0 <= item < len(SEVEN):
        return SEVEN[item]
    if isinstance(item, str):
        return NAMES.get(item, item)
    raise FormatError(f"{key}: found {brief(item)}; expected an operation's name, or 0 to {len(SEVEN) - 1}")
