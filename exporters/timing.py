"""Seconds that a loaded net takes, of several runs after some that only warm."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray


def samples(infer: Callable[[NDArray[Any]], object], images: NDArray[Any], budget: float = 0.35) -> list[float]:
    """Returns seconds of at least three runs, and of as many as the budget holds, after three that only warm."""
    for _ in range(3):
        infer(images)
    found: list[float] = []
    while len(found) < 3 or sum(found) < budget:
        start = time.perf_counter()
        infer(images)
        found.append(time.perf_counter() - start)
    return found
