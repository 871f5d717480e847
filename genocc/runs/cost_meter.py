"""Measures what an epoch costs: GPU time, the device and its name, peak memory; see `genocc.runs.costs`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from genocc.configuration import LARGEST
from genocc.machine import processor_name
from genocc.runs.costs import SECONDS_PER_DAY
from genocc.runs.processes import ALONE, Processes


class CostMeter:
    """Costs of the epoch so far, also where it was begun by an earlier process: `state` belongs in a checkpoint.

    Args:
        device: Where the run computes.
        processes: The processes of the run, each with a device of its own.
    """

    def __init__(self, device: torch.device, processes: Processes = ALONE) -> None:
        self.device, self.processes = device, processes
        self._gpu_seconds, self._memory, self._device_memory = 0.0, 0, 0
        self._forget_peak()

    def advance(self, seconds: float) -> None:
        """Adds wall-clock time."""
        if self.device.type == "cuda":
            self._gpu_seconds += seconds * self.processes.count

    def read(self) -> dict[str, Any]:
        """Returns the costs of the epoch as plain data; all processes have to ask."""
        self._look()
        memory, on_device = self.processes.largest(self._memory, self._device_memory)
        return {
            "gpu_days": self._gpu_seconds / SECONDS_PER_DAY,
            "device": self.device.type,
            "device_name": device_name(self.device),
            "processes": self.processes.count,
            "peak_memory": memory or None,
            "peak_device_memory": on_device or None,
        }

    def clear(self) -> None:
        """Begins an epoch."""
        self._gpu_seconds, self._memory, self._device_memory = 0.0, 0, 0
        self._forget_peak()

    def state(self) -> dict[str, Any]:
        """Returns the costs of the epoch so far, those of the first process."""
        self._look()
        return {"gpu_seconds": self._gpu_seconds, "memory": self._memory, "device_memory": self._device_memory}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Goes on from a `state`; raises KeyError or ValueError where it is none."""
        names = ("gpu_seconds", "memory", "device_memory")
        found = [state[name] for name in names]
        if not all(type(value) in (int, float) and 0 <= value < LARGEST for value in found):
            raise ValueError(f"costs {found}")
        self._gpu_seconds, self._memory, self._device_memory = float(found[0]), int(found[1]), int(found[2])

    def _look(self) -> None:
        self._memory = max(self._memory, resident_peak() or 0)
        if self.device.type == "cuda":
            self._device_memory = max(self._device_memory, torch.cuda.max_memory_allocated(self.device))

    def _forget_peak(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)


def resident_peak() -> int | None:
    """Returns the most memory that this process has had resident since it began, in bytes; None where unknown."""
    status = Path("/proc/self/status")
    if status.exists():  # on Linux getrusage would count the program that started this one
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def device_name(device: torch.device) -> str:
    """Returns the name of a device's model."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else processor_name()
