"""Timing of a loaded net."""

from __future__ import annotations

import numpy as np

from genocc.exporters.timing import samples


def test_at_least_three_runs_after_three_that_warm() -> None:
    runs: list[object] = []
    found = samples(runs.append, np.zeros(1), budget=0)
    assert len(found) == 3
    assert len(runs) == 6
    assert all(seconds >= 0 for seconds in found)
