"""The machine's name: of the processor's model, as the system says it."""

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
