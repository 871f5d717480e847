"""Space: which operations compete on an edge."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from genocc.configuration import Part, refuse
from genocc.errors import GenoccError
from genocc.search_spaces import search_space


class SpaceConfig(Part):
    """Which operations compete on an edge.

    Attributes:
        name: A search space: ``darts`` (8 with ``none``; DARTS, PC-DARTS 4.1, EC-DARTS 5.2), ``darts-no-zero`` (DST:
            EnTranNAS, Appendix A.2), ``extended`` (EnTranNAS, Table 8), ``ss1`` to ``ss8`` (eDARTS, Table I),
            ``nas-bench-201`` (its Section 2.1; the preset of that name has the cells and the net that go with it).
            Each also with ``-no-zero`` behind its name. Or a list of operations:
            ``["none","skip_connect","conv_3x3"]``.
        pool: The pool of ss1 to ss8: ``max`` or ``avg`` (eDARTS, III-A).
    """

    name: str | tuple[str, ...] = "darts"
    pool: Literal["max", "avg"] = "max"

    @model_validator(mode="after")
    def _exists(self) -> Self:
        try:
            names = self.operations
        except GenoccError as error:
            refuse(str(error))
        if len(set(names)) < len(names) or not set(names) - {"none"}:
            refuse(f"space.name: found {list(names)}; expected distinct operations, at least one besides 'none'")
        return self

    @property
    def operations(self) -> tuple[str, ...]:
        """Names of the operations, in order."""
        return tuple(operation.name for operation in search_space(self.name, self.pool))
