"""Which operations of a super-net are computed."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from torch import nn

from genocc.searchers.arithmetic.features import CellState, Feature
from genocc.searchers.arithmetic.lazy import OperationModule


def record_computations(module: nn.Module, record: Callable[[], Any]) -> None:
    """Calls a function each time that an operation is computed; alone or beside others, it has no forward hooks."""
    assert isinstance(module, OperationModule)
    usual = module.stages

    def stages(state: CellState) -> Generator[list[Feature], None, Feature]:
        record()
        return usual(state)

    module.stages = stages  # type: ignore[method-assign]
