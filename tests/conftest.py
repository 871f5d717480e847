"""Settings of all tests."""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

import genocc
from genocc import Genotype
from tests import sample_data

if TYPE_CHECKING:
    from genocc.experiments.plan import Plan

# Before anything imports PyTorch: on tensors as small as those of tests threads cost far more than they give.
os.environ["OMP_NUM_THREADS"] = "1"

# The machines that run this are slow and shared: no deadline for one example; reproducible unless told otherwise.
settings.register_profile("default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("default")


@pytest.fixture(scope="session")
def darts_v2() -> Genotype:
    """The best known cell of the field."""
    return genocc.load("zoo:darts-v2")


@pytest.fixture(scope="session")
def cifar_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few hundred images of CIFAR-10 in class folders; skips the test without sample data."""
    target = tmp_path_factory.mktemp("cifar")
    program = sample_data.path("unpack_cifar10.py")
    subprocess.run([sys.executable, program, target, "--per-class", "24"], check=True, capture_output=True)
    return target


@pytest.fixture(scope="session")
def training_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny uninterrupted training."""
    from genocc.training.training import run_training
    from tests.training.tiny import GENOTYPE, tiny

    folder = tmp_path_factory.mktemp("training") / "whole"
    run_training(GENOTYPE, tiny(), folder, device="cpu")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Campaigns take minutes: a test marked ``full`` hangs only after an hour."""
    for item in items:
        if item.get_closest_marker("full"):
            item.add_marker(pytest.mark.timeout(3600))


@pytest.fixture(scope="session")
def finished_experiment(tmp_path_factory: pytest.TempPathFactory) -> tuple["Plan", Path]:
    """The jobs of a small experiment, all done, and its folder."""
    from genocc.experiments.driver import run_experiment
    from tests.experiments.inline import Inline
    from tests.experiments.own import own

    out = tmp_path_factory.mktemp("experiment") / "mine"
    return run_experiment(own(), out, Inline()), out


@pytest.fixture
def look_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs look at signals, and tell their progress, after every step."""
    monkeypatch.setattr("genocc.runs.loop.LOOKED_EVERY", -1.0)
