"""Processes that work through tasks: their results, their errors, and their end."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from genocc.errors import DataError, RunError
from genocc.searchers.topologies.workers import work

BASE: list[int] = []
"""Of a worker process: what `prepare` was given."""


def prepare(base: int) -> None:
    BASE.append(base)


def add(task: int) -> tuple[int, int, int, int]:
    """The sum; the process, how often it was prepared, and its threads."""
    import torch

    return BASE[0] + task, os.getpid(), len(BASE), torch.get_num_threads()


def die(task: int) -> None:
    os._exit(3)


def wait_or_fail(task: tuple[str, Path]) -> None:
    """Waits for ten minutes, or fails once the process that waits has left its number in a file."""
    what, begun = task
    if what == "wait":
        begun.with_suffix(".new").write_text(str(os.getpid()))
        begun.with_suffix(".new").rename(begun)
        time.sleep(600)
    while not begun.exists():
        time.sleep(0.01)
    raise DataError("broken")


def test_results_of_all_tasks_by_other_processes_of_one_thread_prepared_once() -> None:
    found = list(work(add, range(5), 1, prepare, 100))
    assert sorted(result for result, *_ in found) == [100, 101, 102, 103, 104]
    assert {process for _, process, _, _ in found}.isdisjoint({os.getpid()})
    assert {(prepared, threads) for *_, prepared, threads in found} == {(1, 1)}


def test_a_process_that_dies_is_one_clear_error() -> None:
    with pytest.raises(RunError, match="a worker process has died"):
        list(work(die, [0], 1, prepare, 0))


def test_an_error_ends_the_other_processes_within_their_tasks(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="broken"):
        list(work(wait_or_fail, [("wait", tmp_path / "begun"), ("fail", tmp_path / "begun")], 2, prepare, 0))
    process = int((tmp_path / "begun").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
