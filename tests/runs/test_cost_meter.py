"""What an epoch costs, measured; of a GPU with its functions replaced, since tests have none."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import pytest
import torch

from genocc.machine import processor_name
from genocc.runs.cost_meter import CostMeter, resident_peak
from genocc.runs.processes import Processes

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """A GPU whose peak can be set."""
    memory = {"peak": 100, "now": 60}
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: memory["peak"])
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: memory.update(peak=memory["now"]))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H100")
    return memory


def test_a_cpu_has_no_gpu_days_and_no_device_memory() -> None:
    meter = CostMeter(CPU)
    meter.advance(5.0)
    found = meter.read()
    assert found["gpu_days"] == 0
    assert (found["device"], found["device_name"], found["processes"]) == ("cpu", processor_name(), 1)
    assert found["peak_device_memory"] is None
    assert found["peak_memory"] > 50 << 20  # PyTorch alone has more


def test_gpu_days_are_those_of_all_processes(gpu: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Processes, "largest", lambda self, *values: [2 * value for value in values])
    meter = CostMeter(CUDA, Processes(0, 4))
    meter.advance(43_200.0)
    found = meter.read()
    assert (found["gpu_days"], found["processes"], found["device_name"]) == (2.0, 4, "NVIDIA H100")
    assert found["peak_device_memory"] == 120


def test_peak_device_memory_is_of_the_epoch(gpu: dict[str, int]) -> None:
    meter = CostMeter(CUDA)
    gpu["peak"] = 500
    assert meter.read()["peak_device_memory"] == 500
    meter.clear()
    assert meter.read()["peak_device_memory"] == 60
    assert meter.read()["gpu_days"] == 0


def test_an_epoch_in_two_parts_has_the_costs_of_both(gpu: dict[str, int]) -> None:
    first = CostMeter(CUDA)
    gpu["peak"] = 500
    first.advance(86_400.0)
    state = first.state()
    gpu["now"] = 70
    second = CostMeter(CUDA)
    second.load_state(state)
    second.advance(43_200.0)
    assert second.read()["gpu_days"] == 1.5
    assert second.read()["peak_device_memory"] == 500
    other = CostMeter(CPU)  # the rest of it without a GPU
    other.load_state(state)
    other.advance(1000.0)
    found = other.read()
    assert (found["gpu_days"], found["device"], found["peak_device_memory"]) == (1.0, "cpu", 500)


@pytest.mark.parametrize("value", ["1", None, -1, math.nan, math.inf, [], True])
def test_a_state_that_was_changed_is_refused(value: Any) -> None:
    good = CostMeter(CPU).state()
    for name in good:
        with pytest.raises(ValueError, match="costs"):
            CostMeter(CPU).load_state({**good, name: value})
        with pytest.raises(KeyError):
            CostMeter(CPU).load_state({other: 0 for other in good if other != name})


def test_the_peak_is_of_this_process_and_not_of_its_parent() -> None:
    """getrusage on Linux says what the parent had when it started the process."""
    held = bytearray(400 << 20)
    assert (resident_peak() or 0) > len(held)
    program = "from genocc.runs.cost_meter import resident_peak; print(resident_peak())"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert 10 << 20 < int(found.stdout) < (resident_peak() or 0)
