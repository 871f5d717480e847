"""Costs of a run: time, GPU-days, devices, peak memory; each epoch's in its line of the history, and those of all.

What epochs say is measured by `genocc.runs.cost_meter`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from genocc.runs.epochs import number_at

COSTS = "costs"
"""Field of a line of the history: ``gpu_days``, ``device``, ``device_name``, ``processes``, ``peak_memory``,
``peak_device_memory``."""
SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class Costs:
    """Costs of a run so far, over all the parts in which it was done.

    Attributes:
        seconds: Wall-clock time of all epochs, measuring accuracies included; None where an epoch does not say.
        seconds_per_epoch: Their mean.
        gpu_days: GPUs times days; 0 on a CPU; None where an epoch, of an older run, does not say.
        devices: Each device's kind and name, in the order of use: ``cuda: NVIDIA H100``.
        processes: The most that shared an epoch.
        peak_memory: Resident memory in bytes, of the process with the most; None where it is not known.
        peak_device_memory: Memory that PyTorch has allocated on a GPU, in bytes, of the GPU with the most; None where
            there was none, or where it is not known.
    """

    seconds: float | None
    seconds_per_epoch: float | None
    gpu_days: float | None
    devices: tuple[str, ...]
    processes: int
    peak_memory: int | None
    peak_device_memory: int | None

    @classmethod
    def of(cls, history: Sequence[Mapping[str, Any]]) -> Costs:
        """Returns the costs of the epochs of a history."""

        def numbers(path: str) -> list[float]:
            found = [number_at(line, path) for line in history]
            return [value for value in found if value is not None and math.isfinite(value)]

        def peak(name: str) -> int | None:
            return int(max(found)) if (found := numbers(f"{COSTS}.{name}")) else None

        seconds, days = numbers("seconds"), numbers(f"{COSTS}.gpu_days")
        total = sum(seconds) if len(seconds) == len(history) else None
        pairs = [
            (costs.get("device"), costs.get("device_name"))
            for line in history
            if isinstance(costs := line.get(COSTS), Mapping)
        ]
        devices = dict.fromkeys(f"{kind}: {name}" for kind, name in pairs if isinstance(kind, str))
        return cls(
            seconds=total,
            seconds_per_epoch=None if total is None or not history else total / len(history),
            gpu_days=sum(days) if len(days) == len(history) else None,
            devices=tuple(devices),
            processes=peak("processes") or 1,
            peak_memory=peak("peak_memory"),
            peak_device_memory=peak("peak_device_memory"),
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data for ``--json``."""
        return {**asdict(self), "devices": list(self.devices)}

    def lines(self) -> list[tuple[str, str]]:
        """Returns names and values for people; what is not known is left out."""
        found = []
        if self.seconds is not None and self.seconds_per_epoch is not None:
            found.append(("Time", f"{format_duration(self.seconds)}, {self.seconds_per_epoch:.3g} s per epoch"))
        if self.gpu_days:
            found.append(("GPU-days", f"{self.gpu_days:.3g}"))
        if self.devices:
            shared = f", {self.processes} processes" if self.processes > 1 else ""
            found.append(("Device", "; ".join(self.devices) + shared))
        for name, value in (("Peak memory", self.peak_memory), ("Peak device memory", self.peak_device_memory)):
            if value is not None:
                found.append((name, format_bytes(value)))
        return found


def format_duration(seconds: float) -> str:
    """Returns a duration for people: ``2 h 3 min``, ``4 min 5 s``, ``6 s``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def format_bytes(size: int) -> str:
    """Returns an amount of memory for people: ``812 MiB``, ``1.50 GiB``."""
    return f"{size / 2**30:.2f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"
