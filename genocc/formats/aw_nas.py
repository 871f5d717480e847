"""The dialect of aw_nas."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from genocc.errors import FormatError
from genocc.formats.cells import ForeignCell, ForeignEdge, brief
from genocc.formats.genotype_calls import GenotypeCalls, fields, foreign, listing, states
from genocc.formats.sightings import Sighting
from genocc.formats.vocabulary import SEVEN, Vocabulary, same_names
from genocc.genotype import Genotype

_BARE = "a bare convolution there, without ReLU and BN (genocc's is relu_conv_bn in aw_nas)"
_KINDS = {"normal": "normal", "reduce": "reduction"}

# no '=' within a value: the search for its end stops at the next field, so that it takes linear time
_FIELD = r"(?:normal|reduce)_\d{1,3}(?:_concat)?\s*=\s*(?:range)?(?:\[[^\[\]=]*\]|\((?:[^()=]|\([^()=]*\))*\))"
_FIELDS = re.compile(rf"(Genotype\s*\(\s*)?(\b{_FIELD}(?:\s*,\s*{_FIELD})+)")
"""Two fields and more, and the call that they may be the arguments of."""


class AwNas(GenotypeCalls):
    """Lists of ``(op, from, to)`` by cell group: ``CNNGenotype(normal_0=[...], reduce_1=[...], normal_0_concat=...)``.

    A concat field that is missing means every node. The program takes the fields without the call, too, as its
    configurations have them: ``genotypes: "normal_0=[...], reduce_1=[...]"``.
    """

    name = "aw-nas"
    origin = "walkerning/aw_nas README.md"
    expected = "CNNGenotype(normal_0=[('sep_conv_3x3', 0, 2), ...], reduce_1=[...], normal_0_concat=[...], ...)"
    edge_fields = ("op", "from", "to")
    vocabulary = Vocabulary(
        writes={
            **same_names((*SEVEN, "sep_conv_7x7")),
            "conv_1x1": "relu_conv_bn_1x1",
            "conv_3x3": "relu_conv_bn_3x3",
            "conv_1x7_7x1": "conv_7x1_1x7",
        },
        aliases={"nor_conv_1x1": "conv_1x1", "nor_conv_3x3": "conv_3x3"},
        differing={"conv_1x1": _BARE, "conv_3x3": _BARE},
    )

    def entries(self, text: str) -> Sequence[Sighting]:
        return super().entries(_FIELDS.sub(lambda found: found[0] if found[1] else f"CNNGenotype({found[2]})", text))

    def cells(self, entry: Any) -> Mapping[str, ForeignCell]:
        values = fields(entry, None)
        cells = {}
        for group in [field for field in values if not field.endswith("_concat")]:
            prefix, _, number = group.partition("_")
            kind = _KINDS.get(prefix)
            if kind is None or not number.isdecimal():
                raise FormatError(f"unknown field {brief(group)}; expected normal_0, reduce_1 and their concats")
            if kind in cells:
                raise FormatError(f"cell group {group} is a second {kind} cell; genocc's nets have one of a kind")
            cells[kind] = self.cell(f"cell '{kind}'", values.pop(group), values.pop(f"{group}_concat", None))
        if leftover := [field for field in values if field.endswith("_concat")]:
            raise FormatError(f"found {brief(leftover[0])} without its cell group; expected both")
        if not cells:
            raise FormatError(f"it has no cell group; expected {self.expected}")
        return cells

    def cell(self, place: str, value: Any, concat: Any) -> ForeignCell:
        nodes: dict[int, list[ForeignEdge]] = {}
        for number, item in enumerate(listing(place, value), start=1):
            edge = self.edge(f"{place}, entry {number}", item)
            nodes.setdefault(edge["to"], []).append(foreign(edge))
        return ForeignCell(dict(sorted(nodes.items())), None if concat is None else states(place, concat))

    def call(self, genotype: Genotype) -> str:
        normal, reduction = genotype.cells["normal"], genotype.cells["reduction"]
        return (
            f"CNNGenotype(normal_0={self.listed(normal)}, reduce_1={self.listed(reduction)}, "
            f"normal_0_concat={list(normal.concat)}, reduce_1_concat={list(reduction.concat)})"
        )
