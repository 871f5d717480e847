"""The comparison of two trees: ratios of turns, what one of them cannot do, and the whole of it on one commit."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import quick
from genocc.errors import GenoccError
from tests.sample_data import ROOT


class Recorded:
    """A tree with given times; says when it was asked."""

    def __init__(self, log: list[str], name: str, *seconds: float) -> None:
        self.log, self.name, self._seconds = log, name, iter(seconds)

    def seconds(self, name: str) -> float:
        self.log.append(self.name)
        return next(self._seconds)


def test_turns_alternate_and_the_first_only_warms() -> None:
    log: list[str] = []
    base, here = Recorded(log, "base", 99.0, 1.0, 2.0, 4.0), Recorded(log, "here", 0.1, 2.0, 2.0, 4.4)
    found = quick.compare(base, here, "a step", turns=3)  # type: ignore[arg-type]
    assert found == [(1.0, 2.0), (2.0, 2.0), (4.0, 4.4)]
    assert log == ["here", "base", "base", "here", "here", "base", "base", "here"]
    assert quick.row("a step", found) == ["a step", "2,000 ms", "2,000 ms", "1.10", "1.00 to 2.00"]


def test_what_a_tree_cannot_do_is_said_in_its_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tree = quick.Tree(tmp_path / "base")
    tree.site.mkdir()
    monkeypatch.setitem(quick.COMMANDS, "none such", ("-c", "raise SystemExit('base: no such command')"))
    found = quick.compare(tree, tree, "none such", turns=1)
    assert quick.row("none such", found) == ["none such", "-", "-", "-", "base: base: no such command"]
    assert quick.ratios(found) == []


def test_a_commit_that_git_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(GenoccError, match="--base no-such-branch: git knows no such commit"):
        quick.export("no-such-branch", tmp_path)


@pytest.mark.parametrize("prepare", quick.STEPS.values(), ids=quick.STEPS)
def test_every_step_can_be_taken(
    prepare: Callable[[], Callable[[], Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    step = prepare()
    step()
    step()


@pytest.mark.full
@pytest.mark.parametrize(("limit", "code"), [("1000", 0), ("0.001", 1)])
def test_the_whole(limit: str, code: int) -> None:
    asked = ("--base", "HEAD", "--turns", "1", "--only", "import genocc", "--only", "training", "--fail-above", limit)
    done = subprocess.run(
        [sys.executable, quick.__file__, *asked], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    rows = [line.split("  ")[1] for line in done.stdout.splitlines() if " ms " in line]
    assert rows == ["import genocc", "a training step"]
    assert ("slower than --fail-above 0.001: import genocc, a training step" in done.stdout) == bool(code)
