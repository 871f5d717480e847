"""The machine: the name of its processor as the system says it, and memory that is kept."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from genocc.machine import cores, machine, processor_name


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="not Linux")
def test_the_processor_has_the_name_of_its_model() -> None:
    text = Path("/proc/cpuinfo").read_text()
    assert processor_name()
    if "model name" in text:
        assert f": {processor_name()}\n" in text


def test_the_machine_is_its_processor_and_the_cores_that_can_be_used() -> None:
    assert cores() >= 1
    assert machine() == f"{processor_name()}, {cores()} cores"


FAULTS = """
import resource, sys
from genocc.machine import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
def step():
    parts = [bytearray(8 << 20) for _ in range(6)]
    for part in parts:
        part[::4096] = b"1" * (len(part) // 4096)
step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="not glibc")
def test_freed_memory_that_is_kept_costs_no_faults() -> None:
    usual, kept = (
        int(subprocess.run([sys.executable, "-c", FAULTS, way], check=True, capture_output=True, text=True).stdout)
        for way in ("give back", "keep")
    )
    assert usual > 5 * kept
