"""Placement: which cells are mixed and which derived (EnTranNAS' engine and transit cells)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Sequence
from typing import ClassVar, Literal

from ..interface import View
from ..registry import OpenPart


class Placement(OpenPart):
    """Which cells are mixed (engine cells), the others being derived (transit cells)."""

    kind: ClassVar[str] = "placement"
    group: ClassVar[str] = "genocc.placements"
    usual: ClassVar[str] = "all"

    @abstractmethod
    def engine(self, kinds: Sequence[str]) -> Collection[int]:
        """Returns the positions of the mixed cells.

        Args:
            kinds: The kind of each of the L cells, by position.
        """

    def views(self, kinds: Sequence[str]) -> tuple[View, ...]:
        """Returns the view of each cell (EnTranNAS, Section 2.5 and Table 1)."""
        engine = self.engine(kinds)
        return tuple(View.MIXED if number in engine else View.DERIVED for number in range(len(kinds)))


class AllCells(Placement):
    """Every cell is mixed (DARTS)."""

    name: Literal["all"] = "all"

    def engine(self, kinds: Sequence[str]) -> Collection[int]:
        return range(len(kinds))


class HalfOfCells(Placement):
    """The first L//2 cells are mixed (EnTranNAS, Table 1)."""

    name: Literal["half"] = "half"

    def engine(self, kinds: Sequence[str]) -> Collection[int]:
        return range(len(kinds) // 2)


class FirstCells(Placement):
    """The first normal and the first reduction cell are mixed (EnTranNAS 2.5)."""

    name: Literal["first"] = "first"

    def engine(self, kinds: Sequence[str]) -> Collection[int]:
        return {kinds.index(kind) for kind in set(kinds)}


class LastCells(Placement):
    """The last normal and the last reduction cell are mixed (EnTranNAS, Table 1)."""

    name: Literal["last"] = "last"

    def engine(self, kinds: Sequence[str]) -> Collection[int]:
        return {max(number for number, found in enumerate(kinds) if found == kind) for kind in set(kinds)}
