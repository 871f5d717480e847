"""The architecture dicts of NNI's DARTS space, versions 2 and 3; those of the example before it in `nni_mutables`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from genocc.errors import FormatError
from genocc.formats import nni_mutables
from genocc.formats.base import Dialect
from genocc.formats.cells import ForeignCell, ForeignEdge, brief
from genocc.formats.limits import Limits
from genocc.formats.literals import json_object, literal
from genocc.formats.sightings import Sighting, Sought, mappings
from genocc.formats.vocabulary import SEVEN, Vocabulary, same_names
from genocc.genotype import Genotype

_KINDS = {"normal": "normal", "reduce": "reduction"}
_NETWORK = ("width", "depth")
"""Keys that a search of the network's size adds."""


class Nni(Dialect):
    """``<cell>/op_<node>_<k>``: op and ``<cell>/input_<node>_<k>``: from (``[from]`` in version 3), two k per node.

    Read as well: what the example of NNI 1 and 2 writes, ``normal_n2_p0`` and ``normal_n2_switch``.

    The output is every node, as in NNI's DARTS space. Its NASNet, ENAS and AmoebaNet spaces have five nodes and output
    only those that no other node uses, its PNAS space has five and outputs all: a dict of theirs is refused, because
    it does not say which it is.
    """

    name = "nni"
    origin = "microsoft/nni nni/nas/hub/pytorch/nasnet.py (DARTS), examples/tutorials/darts.py"
    expected = "{'normal/op_2_0': 'sep_conv_3x3', 'normal/input_2_0': [0], ...}"
    vocabulary = Vocabulary(writes=same_names(SEVEN))
    limits = Limits(nodes=4, edges=2, output="all", none=False)

    def entries(self, text: str) -> Sequence[Sighting]:
        return mappings(text, _SOUGHT)

    def cells(self, entry: Any) -> Mapping[str, ForeignCell]:
        values = literal(entry)
        if any(isinstance(key, str) and nni_mutables.KEY.fullmatch(key) for key in values):
            return nni_mutables.cells(values)
        cells: dict[str, dict[int, list[ForeignEdge]]] = {}
        network = [f"{key} {brief(values[key])}" for key in _NETWORK if key in values]
        remarks = [f"{' and '.join(network)}: of the network, not of its cells: left out"] if network else ()
        for key in values:
            if key in _NETWORK:
                continue
            match = re.fullmatch(r"(normal|reduce)/(?:op|input)_([2-9])_([01])", key) if isinstance(key, str) else None
            if not match:
                raise FormatError(f"unknown key {brief(key)}; expected <cell>/op_<node>_<0 or 1> or <cell>/input_...")
            if int(match[2]) > 5:
                raise FormatError(
                    f"{key}: a fifth node; expected the four of NNI's DARTS space, whose output is all nodes"
                )
            cells.setdefault(_KINDS[match[1]], {})
        for cell, kind in _KINDS.items():
            if kind in cells:
                cells[kind] = {n: [_edge(values, f"{cell}/{{}}_{n}_{k}") for k in (0, 1)] for n in range(2, 6)}
        return {kind: ForeignCell(nodes, remarks=remarks) for kind, nodes in cells.items()}

    def text(self, genotype: Genotype) -> str:
        values: dict[str, Any] = {}
        for cell, kind in _KINDS.items():
            for state, position, edge in genotype.cells[kind].edges():
                values[f"{cell}/op_{state}_{position}"] = self.vocabulary.spelling(edge.op)
                values[f"{cell}/input_{state}_{position}"] = [edge.source]
        return json_object(values)


_SOUGHT = Sought.dictionary(re.compile(r"(?:normal|reduce)(?:/|_n[0-9]{1,2}_(?:p[0-9]|switch))"))


def _edge(values: Mapping[str, Any], key: str) -> ForeignEdge:
    op_key, input_key = key.format("op"), key.format("input")
    for wanted in (op_key, input_key):
        if wanted not in values:
            raise FormatError(f"{wanted} is missing; expected an op and an input for 0 and 1 of each node")
    op, source = values[op_key], values[input_key]
    if isinstance(source, list) and len(source) == 1:
        source = source[0]
    if not isinstance(op, str):
        raise FormatError(f"{op_key}: found {brief(op)}; expected an operation's name")
    if type(source) is not int:
        raise FormatError(f"{input_key}: found {brief(values[input_key])}; expected a state's number, or a list of one")
    return ForeignEdge(op, source)
