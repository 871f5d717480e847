"""Jobs for tests of engines, and what they wait for."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from genocc.engines.base import Job

WORKER = Path(__file__).parent / "worker.py"


def job(folder: Path, what: str = "done", name: str = "") -> Job:
    """Returns a job of `worker.py`, named after what it does."""
    place = folder / (name or what)
    return Job(name or what, (what, "--out", str(place)), place, WORKER)


def begun(one: Job) -> list[str]:
    """Returns a line per attempt: its further arguments, threads and GPU."""
    return (one.folder / "begun").read_text().splitlines()


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Waits for a condition; fails when it does not come."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it does not come"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process runs (one that has ended and not been waited for does not); skips the test without /proc."""
    if not Path("/proc/self/stat").exists():
        pytest.skip("no /proc to see processes in")
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"
