"""The ConfigSpace dicts of NAS-Bench-301."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from genocc.errors import FormatError
from genocc.formats.base import Dialect
from genocc.formats.cells import ForeignCell, ForeignEdge, brief
from genocc.formats.limits import Limits
from genocc.formats.literals import json_object, literal
from genocc.formats.sightings import Sighting, Sought, mappings
from genocc.formats.vocabulary import SEVEN, Vocabulary, same_names
from genocc.genotype import Genotype

_PREFIX = "NetworkSelectorDatasetInfo:darts:"
_KINDS = {"normal": "normal", "reduction": "reduce"}
_STATES = range(2, 6)


class NasBench301(Dialect):
    """``edge_<cell>_<0..13>``: op, and ``inputs_node_<cell>_<3..5>``: "a_b", both behind a long prefix.

    Edges are numbered node by node; each node has two, from two different states, and the output is every node. Other
    keys, such as those of the training, are ignored. A result file has this dict one level down.
    """

    name = "nas-bench-301"
    origin = "automl/nasbench301 nasbench301/data_generation/configs"
    expected = f'{{"{_PREFIX}edge_normal_0": "sep_conv_3x3", ..., "{_PREFIX}inputs_node_normal_3": "0_1", ...}}'
    vocabulary = Vocabulary(writes=same_names(SEVEN))
    limits = Limits(nodes=4, edges=2, parallel=False, output="all", none=False)

    def entries(self, text: str) -> Sequence[Sighting]:
        return mappings(text, _SOUGHT)

    def cells(self, entry: Any) -> Mapping[str, ForeignCell]:
        values = literal(entry)
        known = {_edge(cell, state, source) for cell in _KINDS.values() for state in _STATES for source in range(state)}
        for key in values:
            if isinstance(key, str) and re.match(f"{_PREFIX}edge_", key) and key not in known:
                raise FormatError(f"unknown key {brief(key)}; expected edge_normal_0 to 13 and edge_reduce_0 to 13")
        return {kind: ForeignCell({s: _node(values, cell, s) for s in _STATES}) for kind, cell in _KINDS.items()}

    def text(self, genotype: Genotype) -> str:
        values = {}
        for kind, cell in _KINDS.items():
            for state, edges in zip(_STATES, genotype.cells[kind].nodes, strict=True):
                for edge in sorted(edges, key=lambda edge: edge.source):
                    values[_edge(cell, state, edge.source)] = self.vocabulary.spelling(edge.op)
                if state > 2:
                    values[_inputs(cell, state)] = "_".join(str(source) for source in sorted(e.source for e in edges))
        return json_object(values)


def _node(values: Mapping[str, Any], cell: str, state: int) -> list[ForeignEdge]:
    edges = []
    for source in range(state):
        if (key := _edge(cell, state, source)) in values:
            if not isinstance(op := values[key], str):
                raise FormatError(f"{key}: found {brief(op)}; expected an operation's name")
            edges.append(ForeignEdge(op, source))
    found = "_".join(str(edge.source) for edge in edges)
    if len(edges) != 2:
        numbers = [_edge(cell, state, source).removeprefix(_PREFIX) for source in range(state)]
        raise FormatError(
            f"cell '{cell}', node {state}: {len(edges)} of its edges are there; expected two of "
            f"{', '.join(numbers)}{_named(values, cell, state)}"
        )
    stated = values.get(_inputs(cell, state), found)
    if stated != found:
        raise FormatError(
            f"{_inputs(cell, state)}: found {brief(stated)}; expected '{found}', from where its edges come"
        )
    return edges


def _named(values: Mapping[str, Any], cell: str, state: int) -> str:
    """Which edges the inputs of a node name, for a message."""
    stated = values.get(_inputs(cell, state))
    if not isinstance(stated, str) or not re.fullmatch(r"[0-9]_[0-9]", stated):
        return ""
    sources = [int(source) for source in stated.split("_") if int(source) < state]
    absent = [key for source in sources if (key := _edge(cell, state, source)) not in values]
    names = " and ".join(key.removeprefix(_PREFIX) for key in absent)
    return (
        f"; by inputs_node_{cell}_{state} {brief(stated)}, {names} {'is' if len(absent) == 1 else 'are'} missing"
        * bool(absent)
    )


_SOUGHT = Sought.dictionary(re.compile(f"{_PREFIX}(?:edge|inputs_node)_"))


def _edge(cell: str, state: int, source: int) -> str:
    return f"{_PREFIX}edge_{cell}_{sum(range(2, state)) + source}"


def _inputs(cell: str, state: int) -> str:
    return f"{_PREFIX}inputs_node_{cell}_{state}"
