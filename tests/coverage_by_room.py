"""Prints how many branches the tests take, room by room; exit code 1 where it is too few (``make coverage``).

    python -m tests.coverage_by_room build/coverage.json    # what `coverage json` wrote

The waist is what docs/draw_architecture.py draws as such: the modules directly in genocc/, and some of its folders.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from docs.draw_architecture import FOLDERS, IN_THE_WAIST
from genocc.cli.console import print_table

LEAST = {"the waist": 95.0, "the rest": 88.0}
"""Per cent of the branches that tests have to take."""


class Covered(NamedTuple):
    """Numbers of statements and branches, and of those that were run."""

    statements: int = 0
    statements_run: int = 0
    branches: int = 0
    branches_run: int = 0

    @property
    def percent(self) -> float:
        """Of the branches; 100 where there are none."""
        return 100 * self.branches_run / self.branches if self.branches else 100.0


def main(file: str = "build/coverage.json") -> int:
    """Prints the table; returns 1 if the waist or the rest is below its limit."""
    with open(file, encoding="utf-8") as opened:
        rooms = by_room(json.load(opened)["files"])
    parts = {name: total(found for room, found in rooms.items() if part_of(room) == name) for name in LEAST}
    columns = ["", ">statements", ">run", ">branches", ">taken", ">least"]
    rows = [row(name, found) for name, found in sorted(rooms.items())]
    rows += [row(name, found, f"{LEAST[name]:.0f}%") for name, found in parts.items()]
    print_table("branch coverage", columns, rows)
    low = [name for name, found in parts.items() if found.percent < LEAST[name]]
    for name in low:
        print(f"{name}: {parts[name].percent:.1f}% of the branches are taken; expected at least {LEAST[name]:.0f}%")
    return bool(low)


def by_room(files: Mapping[str, Any]) -> dict[str, Covered]:
    """Returns the sums of each folder, of a report's ``files``; installed copies elsewhere are left out."""
    rooms: dict[str, list[Covered]] = defaultdict(list)
    for name, found in files.items():
        parts, summary = PurePosixPath(name.replace("\\", "/")).parts, found["summary"]
        if parts[0] in FOLDERS:
            numbers = ("num_statements", "covered_lines", "num_branches", "covered_branches")
            room = "/".join(parts[: 2 if len(parts) > 2 else 1])
            rooms[room].append(Covered(*(summary[number] for number in numbers)))
    return {room: total(found) for room, found in rooms.items()}


def part_of(room: str) -> str:
    """Returns which limit a room has to keep."""
    return "the waist" if room in ("genocc", *(f"genocc/{folder}" for folder in IN_THE_WAIST)) else "the rest"


def total(found: Iterable[Covered]) -> Covered:
    """Returns the sum."""
    return Covered(*map(sum, zip(Covered(), *found, strict=True)))


def row(name: str, found: Covered, least: str = "") -> list[object]:
    """Returns a line of the table."""
    share = f"{100 * found.statements_run / max(found.statements, 1):.1f}%"
    return [name, f"{found.statements:,}", share, f"{found.branches:,}", f"{found.percent:.1f}%", least]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
