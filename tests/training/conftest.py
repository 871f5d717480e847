"""What the tests of training share."""

from pathlib import Path

import pytest

from genocc.training.training import run_training
from tests.searchers.conftest import one_thread as one_thread
from tests.training.tiny import GENOTYPE, tiny


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run."""
    folder = tmp_path_factory.mktemp("training") / "whole"
    run_training(GENOTYPE, tiny(), folder, device="cpu")
    return folder
