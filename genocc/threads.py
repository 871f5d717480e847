"""How PyTorch's threads wait for each other: spinning while cores are free, asleep while other programs need them.

libgomp's threads spin for about a millisecond before they sleep. On free cores that is the fastest way to wait. Where
another program uses one of the cores, a thread spins away the time that the thread it waits for would need, thousands
of times per step. libgomp itself stops spinning where this process has more threads than there are cores. While the
machine is crowded, a second team of threads, which sleeps, brings their number above it: neither the number of threads
that compute nor any result changes, nothing has to be set before PyTorch is loaded, and all is as before at the end.

The environment variables OMP_WAIT_POLICY and GOMP_SPINCOUNT win. Other OpenMP libraries than libgomp, and systems
without /proc/stat, are left as they are.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
"""Environment variables by which a user says how threads wait."""
EVERY = 0.25
"""Seconds between measurements of the load; the kernel counts in hundredths of a second, per core."""
TOLERATED = 0.3
"""Cores that other programs may take beyond those that the threads leave free."""
CROWDED, CALM = 2, 4
"""Measurements in a row, with crowding after which threads sleep, without after which they spin again.

One alone is a burst, over before a change would pay: to sleep on free cores takes 1.5 times as long, to spin on taken
ones 4 times.
"""
_STAT = Path("/proc/stat")


@contextmanager
def adaptive_waiting(threads: int, note: Callable[[str], None] = lambda message: None) -> Iterator[None]:
    """Has PyTorch's threads sleep while they wait, within the context, whenever other programs need their cores.

    Args:
        threads: Number of threads that compute.
        note: Told once, in a line, when threads sleep for the first time; called in another thread.
    """
    cpus = _cpus()
    if not 1 < threads <= len(cpus) or user_setting() or _libgomp() is None:  # with more threads libgomp never spins
        yield
        return
    ended = threading.Event()
    arguments = (OtherPrograms(), len(cpus), threads, note, ended)
    watch = threading.Thread(target=_watch, args=arguments, daemon=True, name="genocc-load")
    watch.start()
    try:
        yield
    finally:
        ended.set()
        watch.join()


def user_setting() -> str:
    """Returns the environment variables that say how threads wait, such as ``OMP_WAIT_POLICY=PASSIVE``; else empty."""
    return " ".join(f"{name}={os.environ[name]}" for name in SETTINGS if name in os.environ)


class OtherPrograms:
    """CPU time that other programs take of the cores that this process may use."""

    def __init__(self) -> None:
        self._cpus = _cpus()
        self._before = self._measured()

    def cores(self) -> float | None:
        """Returns how many cores they used, on average, since the last call; None where the system does not say it."""
        before, now = self._before, self._measured()
        if before is None or now is None or now[0] <= before[0]:
            return None
        self._before = now
        return max(0.0, (now[1] - before[1]) / (now[0] - before[0]))

    def _measured(self) -> tuple[float, float] | None:
        """The time, and the CPU time of all other programs so far, in seconds."""
        if sys.platform == "win32":  # it has neither /proc nor sysconf
            return None
        try:
            text = _STAT.read_text(encoding="ascii")
        except (OSError, ValueError):
            return None
        return time.monotonic(), busy_seconds(text, self._cpus, os.sysconf("SC_CLK_TCK")) - time.process_time()


def busy_seconds(stat: str, cpus: frozenset[int], ticks: int) -> float:
    """Returns the seconds in which some CPUs were not idle, what a hypervisor took of them included.

    Args:
        stat: Content of /proc/stat.
        cpus: Numbers of the CPUs.
        ticks: The unit of /proc/stat, per second.
    """
    total = 0
    for line in stat.splitlines():
        name, *counts = line.split()
        if name.startswith("cpu") and name[3:].isdigit() and int(name[3:]) in cpus:
            user, nice, system, _, _, irq, softirq, steal = map(int, counts[:8])  # idle and iowait are left out
            total += user + nice + system + irq + softirq + steal
    return total / ticks


def _watch(others: OtherPrograms, cpus: int, threads: int, note: Callable[[str], None], ended: threading.Event) -> None:
    crowd: _Crowd | None = None
    told, crowded, calm = False, 0, 0
    while not ended.wait(EVERY):
        taken = others.cores()
        if taken is None:
            continue
        crowded, calm = (crowded + 1, 0) if taken > cpus - threads + TOLERATED else (0, calm + 1)
        if crowd is None and crowded >= CROWDED:
            crowd = _Crowd(cpus)
            if not told:
                note(f"other programs use {taken:.1f} of {cpus} cores: threads sleep while they wait for each other")
            told = True
        elif crowd is not None and calm >= CALM:
            crowd.leave()
            crowd = None
    if crowd is not None:
        crowd.leave()


class _Crowd:
    """A sleeping team of as many threads as there are cores, by which libgomp counts more threads than cores."""

    def __init__(self, size: int) -> None:
        self._left, formed = threading.Event(), threading.Event()
        self._owner = threading.Thread(target=self._form, args=(size, formed), daemon=True, name="genocc-crowd")
        self._owner.start()
        formed.wait()

    def leave(self) -> None:
        """Ends the team."""
        self._left.set()
        self._owner.join()

    def _form(self, size: int, formed: threading.Event) -> None:
        library = _libgomp()
        library.GOMP_parallel(library.sched_yield, None, size, 0)  # libgomp keeps the team until its owner ends
        formed.set()
        self._left.wait()


def _cpus() -> frozenset[int]:
    found = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return frozenset(found)


def _libgomp() -> Any:
    """The program's libraries, if its OpenMP is libgomp; None if not. PyTorch has to be loaded."""
    return _loaded() if sys.platform == "linux" and "torch" in sys.modules and _STAT.exists() else None


@cache
def _loaded() -> Any:
    library = ctypes.CDLL(None)
    if not hasattr(library, "GOMP_parallel") or hasattr(library, "kmp_set_blocktime"):  # Intel's and LLVM's have both
        return None
    library.GOMP_parallel.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint)
    library.GOMP_parallel.restype = None
    return library
