"""Lines of a history: numbers by path, the accuracy that counts, and the best epoch by it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocc.errors import RunError
from genocc.runs.epochs import best_epoch, kept_accuracies, kept_top1, number_at


@pytest.mark.parametrize(
    ("path", "number"),
    [("a", 1.0), ("b.c.d", 0.5), ("b", None), ("b.c", None), ("a.x", None), ("x", None), ("text", None), ("yes", None)],
)
def test_a_number_is_found_by_its_path_and_nothing_else_counts_as_one(path: str, number: float | None) -> None:
    assert number_at({"a": 1, "b": {"c": {"d": 0.5}}, "text": "1", "yes": True}, path) == number


def line(epoch: int, test: float, average: float | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"epoch": epoch, "test": {"top1": test, "top5": None}}
    return found if average is None else {**found, "average": {"top1": average, "top5": 1.0}}


def test_averaged_weights_are_the_ones_that_are_kept() -> None:
    assert kept_top1(line(1, 0.5)) == 0.5
    assert kept_top1(line(1, 0.5, 0.25)) == 0.25
    assert kept_accuracies(line(1, 0.5, 0.25)) == {"top1": 0.25, "top5": 1.0}


def test_a_line_without_accuracy_is_named() -> None:
    assert kept_top1({"epoch": 3, "training": {"loss": 1.0}}) is None
    for broken in ({"epoch": 3}, {"epoch": 3, "test": {"top1": "0.9"}}, {"epoch": 3, "test": 0.9}):
        with pytest.raises(RunError, match=r"history.jsonl: epoch 3 has no test accuracy; was the file changed\?"):
            kept_accuracies(broken)
    with pytest.raises(RunError, match="epoch 2 has no test accuracy"):
        best_epoch([line(1, 0.5), {"epoch": 2}])


@given(st.lists(st.integers(0, 3), min_size=1, max_size=8), st.booleans())
def test_the_best_epoch_is_the_first_that_no_other_surpasses(tops: list[int], averaged: bool) -> None:
    history = [line(n, 1 - top / 4, top / 4) if averaged else line(n, top / 4) for n, top in enumerate(tops, 1)]
    assert best_epoch(history)["epoch"] == 1 + tops.index(max(tops))
