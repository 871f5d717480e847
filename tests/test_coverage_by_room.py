"""Coverage by room: sums, what belongs to the waist, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.coverage_by_room import Covered, by_room, main


def summary(statements: int, run: int, branches: int, taken: int) -> dict[str, dict[str, int]]:
    names = ("num_statements", "covered_lines", "num_branches", "covered_branches")
    return {"summary": dict(zip(names, (statements, run, branches, taken), strict=True))}


FILES = {
    "genocc/counting.py": summary(10, 10, 60, 60),
    "genocc/passes/zeros.py": summary(10, 9, 40, 35),
    "genocc/runs/loop.py": summary(10, 9, 50, 40),
    "searchers/parts/space.py": summary(5, 5, 0, 0),
    "searchers/bilevel.py": summary(20, 19, 50, 48),
    "/tmp/site/genocc/counting.py": summary(10, 0, 60, 0),
}


def test_files_are_summed_by_folder() -> None:
    assert by_room(FILES) == {
        "genocc": Covered(10, 10, 60, 60),
        "genocc/passes": Covered(10, 9, 40, 35),
        "genocc/runs": Covered(10, 9, 50, 40),
        "searchers/parts": Covered(5, 5, 0, 0),
        "searchers": Covered(20, 19, 50, 48),
    }


@pytest.mark.parametrize(("of_waist", "of_rest", "low"), [(35, 48, ""), (34, 48, "the waist"), (35, 47, "the rest")])
def test_each_part_has_its_limit(
    of_waist: int, of_rest: int, low: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """95 of 100 branches, and 88 of 100."""
    changed = {
        "genocc/passes/zeros.py": summary(1, 1, 40, of_waist),
        "searchers/bilevel.py": summary(1, 1, 50, of_rest),
    }
    report = tmp_path / "coverage.json"
    report.write_text(json.dumps({"files": FILES | changed}))
    assert main(str(report)) == bool(low)
    printed = capsys.readouterr().out
    assert (f"{low}: " in printed and "expected at least" in printed) == bool(low)
