"""Threads sleep while they wait when other programs need the cores; nothing else changes, and a user's setting wins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from genocc.threads import OtherPrograms, busy_seconds, user_setting

STAT = """cpu  999999 0 0 0 0 0 0 0 0 0
cpu0 100 20 30 4000 5000 6 7 8 900 900
cpu1 1000 0 0 50 0 0 0 0 0 0
cpu10 7 0 0 0 0 0 0 0 0 0
intr 5
"""

PROGRAM = """
import json, os, sys, threading, time
before = dict(os.environ)
import torch
import genocc
from genocc import threads
torch.set_num_threads(2)
threads._cpus = lambda: frozenset({0, 1})
threads.EVERY = 0.01
taken, notes = [0.0], []

class Others:
    def cores(self):
        return taken.pop(0) if len(taken) > 1 else taken[0]

threads.OtherPrograms = Others
values = torch.zeros(1 << 17)

def cpu():
    # CPU seconds of regions far apart, in which waiting threads either spin or sleep
    start = time.process_time()
    for _ in range(150):
        values.add_(1)
        time.sleep(0.002)
    return time.process_time() - start

def wait_for(there):
    for _ in range(1000):
        if any(thread.name == "genocc-crowd" for thread in threading.enumerate()) == there:
            return
        time.sleep(0.01)
    sys.exit("no change")
"""
CROWDED = (
    PROGRAM
    + """
values.add_(1)
alone = cpu()
with threads.adaptive_waiting(2, notes.append):
    free = cpu()
    taken[:] = [0.9, 0.0, 0.9, 0.0]  # bursts
    while len(taken) > 1:
        time.sleep(0.01)
    quiet = [*notes, *(thread.name for thread in threading.enumerate() if thread.name == "genocc-crowd")]
    taken[0] = 0.9
    wait_for(True)
    crowded = cpu()
    taken[0] = 0.0
    wait_for(False)
    taken[0] = 0.9
    wait_for(True)
after = cpu()
left = [thread.name for thread in threading.enumerate() if thread.name.startswith("genocc")]
print(json.dumps({"alone": alone, "free": free, "crowded": crowded, "after": after, "quiet": quiet, "notes": notes,
                  "left": left, "threads": torch.get_num_threads(), "environment": before == dict(os.environ)}))
"""
)
UNTOUCHED = (
    PROGRAM
    + """
taken[0] = 2.0
with threads.adaptive_waiting(int(sys.argv[1]), notes.append):
    time.sleep(0.1)
    names = [thread.name for thread in threading.enumerate()]
print(json.dumps({"notes": notes, "threads": names, "environment": before == dict(os.environ)}))
"""
)
linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc/stat and libgomp are Linux's")


def run(program: str, *arguments: str, **environment: str) -> dict[str, Any]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, env={**plain, **environment}, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@linux
def test_threads_sleep_while_other_programs_need_their_cores_and_spin_before_and_after() -> None:
    found = run(CROWDED)
    spinning = min(found["alone"], found["free"], found["after"])
    assert found["crowded"] < spinning / 2, found  # CPU time, which other programs do not change
    assert found["quiet"] == []
    assert found["notes"] == ["other programs use 0.9 of 2 cores: threads sleep while they wait for each other"]  # once
    assert (found["left"], found["threads"], found["environment"]) == ([], 2, True)


@linux
@pytest.mark.parametrize(
    ("threads", "environment"),
    [("2", {"OMP_WAIT_POLICY": "ACTIVE"}), ("2", {"GOMP_SPINCOUNT": "5"}), ("1", {}), ("3", {})],
)
def test_a_setting_of_the_user_wins_and_one_thread_waits_for_none(threads: str, environment: dict[str, str]) -> None:
    found = run(UNTOUCHED, threads, **environment)
    assert found["notes"] == []
    assert not [name for name in found["threads"] if name.startswith("genocc")]
    assert found["environment"]


def test_importing_genocc_changes_neither_threads_nor_environment() -> None:
    program = """
import json, os, threading
before = dict(os.environ)
import genocc, genocc.cli
print(json.dumps({"same": before == dict(os.environ), "threads": threading.active_count()}))
"""
    assert run(program, OMP_NUM_THREADS="2", GOMP_SPINCOUNT="77") == {"same": True, "threads": 1}


def test_the_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
    assert user_setting() == ""
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    assert user_setting() == "OMP_WAIT_POLICY=PASSIVE"


def test_busy_seconds_are_those_of_the_process_s_own_cores() -> None:
    # idle, iowait and guests (part of user) do not count, time that a hypervisor took does
    assert busy_seconds(STAT, frozenset({0}), 100) == pytest.approx((100 + 20 + 30 + 6 + 7 + 8) / 100)
    assert busy_seconds(STAT, frozenset({0, 1}), 100) == pytest.approx(11.71)
    assert busy_seconds(STAT, frozenset({7}), 100) == 0


def test_cores_of_others_are_without_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    readings = iter([(10.0, 100.0), (12.0, 103.0), (12.0, 103.0), (14.0, 102.9)])
    monkeypatch.setattr(OtherPrograms, "_measured", lambda self: next(readings))
    others = OtherPrograms()
    assert others.cores() == 1.5
    assert others.cores() is None  # no time has passed
    assert others.cores() == 0.0  # counts are rounded


@linux
def test_others_are_seen_on_a_real_machine() -> None:
    others = OtherPrograms()
    loop = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    subprocess.run([sys.executable, "-c", loop], check=True)
    taken = others.cores()
    assert taken is not None
    assert 0 < taken <= len(os.sched_getaffinity(0)) + 0.5
