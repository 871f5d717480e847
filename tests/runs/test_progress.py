"""What a terminal is shown while a search runs."""

from __future__ import annotations

import sys

import pytest

from genocc.runs.progress import ConsoleProgress
from genocc.searchers.summary import format_steps


def test_a_group_that_has_not_moved_yet_has_no_loss() -> None:
    """After a resume, DST's penalty is known before the epoch's first architecture step is."""
    progress = ConsoleProgress()
    numbers = {"weights": {"loss": 2.5, "accuracy": 0.25}, "architecture": {"penalty": 1.0}}
    with progress.running("search", 4, 1):
        progress.step("epoch 1", format_steps(numbers, {"normal": 8}), 2)
        bar, task = progress._live
        (shown,) = (one.description for one in bar.tasks if one.id == task)
    assert shown == "1  loss 2.50  acc 25%  edges 8"


def test_a_bar_leaves_standard_output_to_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # a terminal, for rich
    streams = (sys.stdout, sys.stderr)
    with ConsoleProgress().running("search", 4, 1):
        assert (sys.stdout, sys.stderr) == streams
