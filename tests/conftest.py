"""Settings of all tests."""

import os

import pytest
from hypothesis import HealthCheck, settings

import genocc
from genocc import Genotype

# Before anything imports PyTorch: on tensors as small as those of tests threads cost far more than they give.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# The machines that run this are slow and shared: no deadline for one example; reproducible unless told otherwise.
settings.register_profile("default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("default")


@pytest.fixture(scope="session")
def darts_v2() -> Genotype:
    """The best known cell of the field."""
    return genocc.load("zoo:darts-v2")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Campaigns take minutes: a test marked ``full`` hangs only after an hour."""
    for item in items:
        if item.get_closest_marker("full"):
            item.add_marker(pytest.mark.timeout(3600))
