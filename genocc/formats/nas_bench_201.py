"""The architecture strings of NAS-Bench-201."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from genocc.errors import FormatError
from genocc.formats.autodl import SEARCH_NAMES
from genocc.formats.base import Dialect
from genocc.formats.cells import ForeignCell, ForeignEdge, brief
from genocc.formats.limits import Limits
from genocc.formats.literals import assigned
from genocc.formats.vocabulary import Vocabulary, same_names
from genocc.genotype import MAX_NODES, Genotype
from genocc.operations import NONE


class NasBench201(Dialect):
    """Nodes joined by ``+``, each ``|op~from|op~from|``: one cell with one input, whose output is its last node.

    ``none`` means that there is no edge; it is written for every pair of states without one, as the benchmark's own
    strings have it. A node of nothing else is zero. Several operations between two states and other numbers of nodes
    are legal in the program's Structure class, though not among the benchmark's nets.
    """

    name = "nas-bench-201"
    origin = "D-X-Y/AutoDL-Projects xautodl/models/cell_searchs/genotypes.py"
    expected = "|nor_conv_3x3~0|+|nor_conv_3x3~0|skip_connect~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
    vocabulary = Vocabulary(
        writes={
            **same_names(("skip_connect", "avg_pool_3x3")),
            "conv_1x1": "nor_conv_1x1",
            "conv_3x3": "nor_conv_3x3",
        },
        aliases=SEARCH_NAMES,
    )
    limits = Limits(kinds=("normal",), inputs=1, output="last")

    def entries(self, text: str) -> Mapping[str, Any]:
        text = text.strip()
        if text.startswith("|"):
            return {"": text}
        if "|" not in text:
            return {}  # neither a string nor Python source with one
        found = assigned(text, lambda node: isinstance(node, ast.Constant) and str(node.value).startswith("|"))
        return {name: node.value for name, node in found.items() if isinstance(node, ast.Constant)}

    def cells(self, entry: Any) -> Mapping[str, ForeignCell]:
        groups = entry.split("+")
        if len(groups) > MAX_NODES:
            raise FormatError(f"{len(groups):,} nodes; expected at most {MAX_NODES}")
        nodes = {state: _edges(state, group) for state, group in enumerate(groups, start=1)}
        return {"normal": ForeignCell(nodes, (len(nodes),), inputs=1)}

    def text(self, genotype: Genotype) -> str:
        groups = []
        for state, edges in enumerate(genotype.cells["normal"].nodes, start=1):
            by_source: dict[int, list[str]] = {source: [] for source in range(state)}
            for edge in edges if not edges[0].is_none else ():
                by_source[edge.source].append(self.vocabulary.spelling(edge.op))
            listed = [f"{op}~{source}" for source, ops in by_source.items() for op in ops or ["none"]]
            groups.append(f"|{'|'.join(listed)}|")
        return "+".join(groups) + "\n"


def _edges(state: int, group: str) -> list[ForeignEdge]:
    if not (match := re.fullmatch(r"\|(.*)\|", group.strip())):
        raise FormatError(f"node {state}: found {brief(group)}; expected |op~from|...|")
    edges = []
    for item in match[1].split("|"):
        op, _, source = item.partition("~")
        if not op or not re.fullmatch(r"[0-9]{1,4}", source):
            raise FormatError(f"node {state}: found {brief(item)}; expected op~from")
        edges.append(ForeignEdge(op, int(source)))
    return [edge for edge in edges if edge.op != NONE] or edges[:1]
