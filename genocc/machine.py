"""The machine that this program runs on: its processor, the cores that it may use, how its memory is kept."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from functools import cache
from pathlib import Path

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of glibc's malloc.h


def machine() -> str:
    """Returns what timings depend on: the processor and the number of its cores that can be used."""
    return f"{processor_name()}, {cores()} cores"


def cores() -> int:
    """Returns the number of cores that this program may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def keep_freed_memory() -> None:
    """Has glibc keep what is freed for the next step, which would pay a fault for each page anew; elsewhere nothing.

    For processes of our own: a library leaves the allocator of its program alone.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            libc.mallopt(M_MMAP_MAX, 0)
            libc.mallopt(M_TRIM_THRESHOLD, -1)


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
