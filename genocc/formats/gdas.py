"""The dialect of the GDAS program."""

from __future__ import annotations

from typing import Any

from genocc.formats.autodl import SEARCH_NAMES
from genocc.formats.cells import ForeignCell
from genocc.formats.genotype_calls import GenotypeCalls, states
from genocc.formats.limits import Limits
from genocc.formats.vocabulary import SEVEN, Vocabulary, same_names


class Gdas(GenotypeCalls):
    """Flat lists of ``(op, from, weight)``, two edges per node.

    An edge without a weight is written with 1.0, as GDAS's own file does for cells that other methods found.
    """

    name = "gdas"
    origin = "D-X-Y/AutoDL-Projects others/GDAS/lib/nas/genotypes.py"
    expected = "Genotype(normal=[('sep_conv_3x3', 0, 0.13), ...], normal_concat=..., reduce=[...], reduce_concat=...)"
    edge_fields = ("op", "from", "weight")
    vocabulary = Vocabulary(
        writes={**same_names((*SEVEN, "sep_conv_7x7")), "conv_1x7_7x1": "conv_7x1_1x7"},
        aliases=SEARCH_NAMES,
        remarks=dict.fromkeys(
            ("max_pool_3x3", "avg_pool_3x3"), "the GDAS program has BN after a pool; genocc has none"
        ),
    )
    limits = Limits(edges=2)

    def cell(self, place: str, value: Any, concat: Any) -> ForeignCell:
        output = states(place, concat)
        return ForeignCell(self.flat(place, value, output), output)
