"""The tutorials: notebooks that say nothing but what they do when they are run."""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.sample_data import ROOT

NOTEBOOKS = sorted((ROOT / "docs" / "tutorials").glob("*.ipynb"))
NAMES = [path.stem for path in NOTEBOOKS]


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_a_tutorial_is_kept_as_it_ran(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    for cell in code:
        assert not any(output.output_type == "error" or output.get("name") == "stderr" for output in cell.outputs)
    assert str(ROOT) not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_the_links_of_a_tutorial_lead_somewhere(path: Path) -> None:
    text = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        assert (path.parent / target).exists(), target


@pytest.mark.full
@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES)
def test_a_tutorial_runs(path: Path, tmp_path: Path) -> None:
    """From nothing; each prints a text where it did when it was kept, though not the same figures."""
    from nbclient import NotebookClient

    notebook = read(path)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=900, kernel_name="python3", resources=resources).execute()
    for before, now in zip(read(path).cells, notebook.cells, strict=True):
        assert kinds(before) == kinds(now), before.source


def kinds(cell: Any) -> list[str]:
    """Those of its outputs, one after the other; what is printed comes in one piece or several."""
    return [kind for kind, _ in groupby(output.output_type for output in cell.get("outputs", []))]
