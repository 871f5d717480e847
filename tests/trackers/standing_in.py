"""Packages of trackers that note the calls of theirs: what is asked of them, also where they are not installed."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from genocc.runs.tracking import TrackedRun


def tracked_run(path: Path, name: str) -> TrackedRun:
    folder = path / "tracking" / name
    folder.parent.mkdir(exist_ok=True)
    return TrackedRun(path, folder, "a", "search", {"seed": 1})


def install(monkeypatch: pytest.MonkeyPatch, name: str, **content: Any) -> None:
    """Puts a module in the place of an installed one, or of none."""
    module = ModuleType(name)
    vars(module).update(content)
    monkeypatch.setitem(sys.modules, name, module)


class Calls(SimpleNamespace):
    """An object whose every method notes its call in ``made``."""

    def __init__(self, **content: Any) -> None:
        super().__init__(made=[], **content)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *given, **named: self.made.append((name, given, named))
