"""The machine that figures were measured on: its processor, and how many of its cores this program may use."""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path


def machine() -> str:
    """Returns what timings depend on: the processor and the number of its cores that can be used."""
    return f"{processor_name()}, {cores()} cores"


def cores() -> int:
    """Returns the number of cores that this program may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def processor_name() -> str:
    """Returns the name of the CPU's model."""
    known = Path("/proc/cpuinfo")
    if known.exists():
        lines = known.read_text(encoding="utf-8").splitlines()
        for line in lines:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
