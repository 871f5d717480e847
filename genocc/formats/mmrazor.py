"""The fix_subnet files of MMRazor's DARTS."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from genocc.errors import FormatError
from genocc.formats.base import Dialect
from genocc.formats.cells import ForeignCell, ForeignEdge, brief
from genocc.formats.limits import Limits
from genocc.formats.sightings import Sighting
from genocc.formats.vocabulary import SEVEN, Vocabulary, same_names
from genocc.genotype import Genotype

_KINDS = {"normal": "normal", "reduce": "reduction"}
_KEY = re.compile(r"(?:normal|reduce)_n[0-9]")
_BLOCK = re.compile(
    r"^[ \t]*(?:normal|reduce)_n[0-9]+(?:_p[0-9]+)?:.*\n"
    r"(?:[ \t]*(?:(?:(?:normal|reduce)_n[0-9]+(?:_p[0-9]+)?|chosen):.*|- .*|#.*)?\n)*",
    re.MULTILINE,
)
"""The lines of a subnet in a text that is not YAML as a whole; no other line may have a key."""


class MMRazor(Dialect):
    """YAML: ``<cell>_n<node>`` lists the chosen edges, ``<cell>_n<node>_p<from>`` the one chosen operation of an edge.

    Edges that are not chosen may be present as well. The output is every node.
    """

    name = "mmrazor"
    origin = "open-mmlab/mmrazor configs/nas/mmcls/darts"
    expected = "normal_n2: {chosen: [normal_n2_p0, normal_n2_p1]}, normal_n2_p0: {chosen: [sep_conv_3x3]}, ..."
    vocabulary = Vocabulary(
        writes=same_names(SEVEN),
        aliases={"zero": "none"},
        remarks=dict.fromkeys(("max_pool_3x3", "avg_pool_3x3"), "MMRazor has BN after a pool; genocc has none"),
    )
    limits = Limits(parallel=False, output="all")

    def entries(self, text: str) -> Sequence[Sighting]:
        from genocc.formats import plain_yaml

        if "chosen" not in text:
            return []
        try:
            return list(_subnets("", plain_yaml.load(text)))
        except FormatError as error:
            blocks = list(_BLOCK.finditer(text))
            if len(blocks) == 1 and not text.replace(blocks[0][0], "").strip():
                return [Sighting("", error)]  # a subnet as a whole: what is wrong with it is said when it is read
            if len(blocks) != 1 or _KEY.search(text[: blocks[0].start()] + text[blocks[0].end() :]):
                raise
        (block,) = blocks
        before = text.count("\n", 0, block.start())
        value = plain_yaml.load("\n" * before + textwrap.dedent(block[0]))
        return [Sighting("", value, before + 1, before + block[0].count("\n"))]

    def cells(self, entry: Any) -> Mapping[str, ForeignCell]:
        if not isinstance(entry, dict):
            raise FormatError(f"found {brief(entry)}; expected {self.expected}")
        nodes: dict[str, dict[int, list[ForeignEdge]]] = {}
        for key in entry:
            match = re.fullmatch(r"(normal|reduce)_n([0-9]{1,4})(_p[0-9]{1,4})?", key)
            if not match:
                raise FormatError(f"unknown key {brief(key)}; expected {self.expected}")
            if not match[3]:
                nodes.setdefault(_KINDS[match[1]], {})[int(match[2])] = _edges(entry, key)
        if not nodes:
            raise FormatError(f"it names no nodes; expected {self.expected}")
        ordered = {kind: dict(sorted(nodes[kind].items())) for kind in _KINDS.values() if kind in nodes}
        return {kind: ForeignCell(cell) for kind, cell in ordered.items()}

    def text(self, genotype: Genotype) -> str:
        lines = []
        for prefix, kind in _KINDS.items():
            for state, edges in enumerate(genotype.cells[kind].nodes, start=2):
                ordered = sorted(edges, key=lambda edge: edge.source)
                node = f"{prefix}_n{state}"
                lines += [f"{node}:", "  chosen:", *(f"  - {node}_p{edge.source}" for edge in ordered)]
                for edge in ordered:
                    lines += [f"{node}_p{edge.source}:", "  chosen:", f"  - {self.vocabulary.spelling(edge.op)}"]
        return "\n".join(lines) + "\n"


def _subnets(name: str, value: Any) -> Iterator[Sighting]:
    """The subnets in a document, which may stand in a mapping of others."""
    inner = value.items() if isinstance(value, dict) else ()
    if inner and not any(_KEY.match(key) for key, _ in inner):
        found = [item for key, part in inner if isinstance(part, dict) for item in _subnets(key, part)]
        if any(isinstance(item.value, dict) for item in found):
            yield from found
            return
    yield Sighting(name, value)


def _edges(entry: Mapping[str, Any], node: str) -> list[ForeignEdge]:
    edges: dict[str, ForeignEdge] = {}
    for route in _chosen(entry, node):
        match = re.fullmatch(re.escape(node) + r"_p([0-9]{1,4})", route)
        if not match or route in edges:
            raise FormatError(f"{node}: found the edge {brief(route)}; expected {node}_p0 and the like, each once")
        operations = _chosen(entry, route)
        if len(operations) != 1:
            raise FormatError(f"{route}: {len(operations)} operations chosen; expected one")
        edges[route] = ForeignEdge(operations[0], int(match[1]))
    return list(edges.values())


def _chosen(entry: Mapping[str, Any], key: str) -> list[str]:
    value = entry.get(key)
    chosen = value.get("chosen") if isinstance(value, dict) else None
    listed = [chosen] if isinstance(chosen, str) else chosen
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        raise FormatError(f"{key}: found {brief(value)}; expected a mapping with a list 'chosen'")
    return listed
