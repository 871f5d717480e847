"""What the tests of the searchers share."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests import sample_data


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small tensors, and other tests beside: more threads would only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def cifar_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few hundred images of CIFAR-10 in class folders; skips the test without sample data."""
    target = tmp_path_factory.mktemp("cifar")
    program = sample_data.path("unpack_cifar10.py")
    subprocess.run([sys.executable, program, target, "--per-class", "24"], check=True, capture_output=True)
    return target
