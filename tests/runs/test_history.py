"""Histories of finished runs: what a run writes passes, what was changed is named by file, line and field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from genocc import Genotype
from genocc.errors import RunError
from genocc.runs.history import finished_epochs
from genocc.runs.reading import HISTORY, SEARCH, TRAIN
from tests.exporters.runs import write_search, write_training


def changed(folder: Path, path: str, value: Any) -> None:
    """Sets a field of the second line, or removes it where the value is the word."""
    lines = [json.loads(line) for line in (folder / HISTORY).read_text().splitlines()]
    *parents, last = path.split(".")
    part = lines[1]
    for name in parents:
        part = part[name]
    if value == "missing":
        del part[last]
    else:
        part[last] = value
    (folder / HISTORY).write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def test_what_runs_write_passes(tmp_path: Path, training_run: Path) -> None:
    genotype = write_search(tmp_path / "search")
    write_training(tmp_path / "training", genotype)
    assert len(finished_epochs(tmp_path / "search", SEARCH)) == 4
    assert len(finished_epochs(tmp_path / "training", TRAIN)) == 3
    assert finished_epochs(training_run, TRAIN)


@pytest.mark.parametrize(
    ("command", "path", "value", "message"),
    [
        (TRAIN, "seconds", "missing", "seconds: the field is missing"),
        (TRAIN, "seconds", None, "seconds: found None; expected a valid number"),
        (TRAIN, "seconds", -1, "seconds: found -1; expected a number greater than or equal to 0"),
        (TRAIN, "costs", {"gpu_days": -1}, "costs.gpu_days: found -1; expected"),
        (SEARCH, "costs", 1, "costs: found 1; expected"),
        (SEARCH, "child_accuracy_stale", 2, "child_accuracy_stale: found 2; expected"),
        (SEARCH, "undecided", [1], "undecided.0: found 1; expected"),
        (TRAIN, "test.top5", "missing", "test.top5: the field is missing"),
        (TRAIN, "test.top1", "0.5", "test.top1: found '0.5'; expected a valid number"),
        (TRAIN, "test.top1", 2, "test.top1: found 2; expected a number less than or equal to 1"),
        (TRAIN, "training", [], r"training: found \[\]; expected"),
        (TRAIN, "average", {"top1": 0.5}, "average.top5: the field is missing"),
        (SEARCH, "weights", 1, "weights: found 1; expected"),
        (SEARCH, "validation_accuracy", [[0]], "validation_accuracy: found"),
        (SEARCH, "skip_connections", {"normal": 1}, "its parts name different cells"),
        (SEARCH, "edges_per_node.normal", "x" * 9999, r"edges_per_node.normal: found 'x{28}\.\.\.x{28}'; expected"),
        (SEARCH, "genotype", None, "genotype: found None; expected"),
    ],
)
def test_a_changed_field_is_named(
    command: str, path: str, value: Any, message: str, darts_v2: Genotype, tmp_path: Path
) -> None:
    if command == SEARCH:
        write_search(tmp_path)
    else:
        write_training(tmp_path, darts_v2)
    changed(tmp_path, path, value)
    with pytest.raises(RunError, match=rf"/history\.jsonl: line 2: {message}.*; was the file changed\?$"):
        finished_epochs(tmp_path, command)


def test_an_empty_history_is_none_of_a_run_that_has_ended(darts_v2: Genotype, tmp_path: Path) -> None:
    write_training(tmp_path, darts_v2)
    (tmp_path / HISTORY).write_text("")
    with pytest.raises(RunError, match=r"history\.jsonl: no epoch in it, though the run has ended"):
        finished_epochs(tmp_path, TRAIN)
