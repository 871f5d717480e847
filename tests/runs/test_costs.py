"""Costs of all epochs, from the history."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from genocc.runs.costs import Costs, format_bytes, format_duration

GPU = {
    "gpu_days": 0.5, "device": "cuda", "device_name": "NVIDIA H100", "processes": 2, "peak_memory": 3 << 30,
    "peak_device_memory": 5 << 30,
}  # fmt: skip
CPU = {
    "gpu_days": 0.0, "device": "cpu", "device_name": "EPYC", "processes": 1, "peak_memory": 4 << 30,
    "peak_device_memory": None,
}  # fmt: skip


def test_costs_are_sums_and_peaks_over_all_parts_of_a_run() -> None:
    costs = Costs.of([{"seconds": 10.0, "costs": GPU}, {"seconds": 2, "costs": CPU}, {"seconds": 3.0, "costs": GPU}])
    assert costs == Costs(15.0, 5.0, 1.0, ("cuda: NVIDIA H100", "cpu: EPYC"), 2, 4 << 30, 5 << 30)
    plain = costs.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert costs.lines() == [
        ("Time", "15 s, 5 s per epoch"),
        ("GPU-days", "1"),
        ("Device", "cuda: NVIDIA H100; cpu: EPYC, 2 processes"),
        ("Peak memory", "4.00 GiB"),
        ("Peak device memory", "5.00 GiB"),
    ]


def test_what_older_runs_did_not_say_is_not_made_up() -> None:
    costs = Costs.of([{"seconds": 10.0}, {"seconds": 2.0, "costs": GPU}])
    assert (costs.seconds, costs.gpu_days) == (12.0, None)
    assert Costs.of([{"seconds": 1.0}]).lines() == [("Time", "1 s, 1 s per epoch")]
    assert Costs.of([{}]) == Costs(None, None, None, (), 1, None, None)
    assert Costs.of([]).lines() == []


@pytest.mark.parametrize("value", [None, "1", [1], {}, math.nan, math.inf])
def test_a_history_that_was_changed_has_no_costs_rather_than_wrong_ones(value: Any) -> None:
    broken = dict.fromkeys(GPU, value)
    costs = Costs.of([{"seconds": value, "costs": broken}, {"seconds": 1.0, "costs": value}])
    assert (costs.seconds, costs.gpu_days, costs.peak_memory, costs.processes) == (None, None, None, 1)


def test_durations_and_amounts_for_people() -> None:
    assert [format_duration(seconds) for seconds in (0.4, 59.6, 3600 * 2 + 181)] == ["0 s", "1 min 0 s", "2 h 3 min"]
    assert [format_bytes(size) for size in (5 << 20, 3 << 29)] == ["5 MiB", "1.50 GiB"]
