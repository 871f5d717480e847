"""Fixtures of whole searches."""

from pathlib import Path

import pytest

from genocc.searchers.search import run_search
from tests.searchers.small import small


@pytest.fixture(scope="session")
def darts_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an uninterrupted search."""
    folder = tmp_path_factory.mktemp("darts") / "whole"
    run_search(small("darts"), folder, device="cpu")
    return folder
