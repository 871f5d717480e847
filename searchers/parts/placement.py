"""Placement: which cells are mixed and which derived (EnTranNAS' engine and transit cells)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from genocc.configuration import Part

from ..interface import View


class PlacementConfig(Part):
    """Which cells are mixed (engine cells), the others being derived (transit cells).

    Attributes:
        engine: ``all``; ``half``: the first L//2 cells; ``first`` or ``last``: the first or last normal cell and the
            first or last reduction cell (EnTranNAS 2.5, Table 1).
    """

    engine: Literal["all", "half", "first", "last"] = "all"


def views(placement: PlacementConfig, kinds: Sequence[str]) -> tuple[View, ...]:
    """Returns the view of each cell (EnTranNAS, Section 2.5 and Table 1).

    Args:
        placement: Which cells are mixed.
        kinds: The kind of each of the L cells, by position.
    """
    numbers = range(len(kinds))
    engine = {
        "all": set(numbers),
        "half": set(numbers[: len(kinds) // 2]),
        "first": {kinds.index(kind) for kind in set(kinds)},
        "last": {max(number for number in numbers if kinds[number] == kind) for kind in set(kinds)},
    }[placement.engine]
    return tuple(View.MIXED if number in engine else View.DERIVED for number in numbers)
