"""The experiment of `own.py`, run once for all tests that only look at it."""

from __future__ import annotations

from pathlib import Path

import pytest

from genocc.experiments.driver import run_experiment
from genocc.experiments.plan import Plan
from tests.experiments.inline import Inline
from tests.experiments.own import own


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, Path]:
    """Its jobs, all done, and its folder."""
    out = tmp_path_factory.mktemp("experiment") / "mine"
    return run_experiment(own(), out, Inline()), out
