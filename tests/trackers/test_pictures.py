"""The pictures of a run: PNG, of the cells, and of a search's coefficients."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from PIL import Image

from genocc.errors import TargetError
from genocc.trackers.pictures import pictures
from tests.trackers.test_trackers import untracked as untracked


@pytest.mark.skipif(not shutil.which("dot"), reason="needs Graphviz")
def test_a_search_has_its_cells_and_its_coefficients(untracked: Path, tmp_path: Path) -> None:
    found = pictures(untracked, "search")
    assert {name: Image.open(io.BytesIO(png)).format for name, png in found.items()} == {
        "cells": "PNG",
        "coefficients": "PNG",
    }
    assert len(set(found.values())) == 2
    assert pictures(untracked, "train") == {"cells": found["cells"]}


def test_without_dot_there_is_none(untracked: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(TargetError, match="`dot`"):
        pictures(untracked, "search")
