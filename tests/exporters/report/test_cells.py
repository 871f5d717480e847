"""The cells of a report: the template shows the last epoch of what the script moves through."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from genocc.exporters.drawing.evolution import CellEvolution, cell_evolutions
from genocc.exporters.report.cells import every_epoch, last_epoch
from genocc.runs.reading import read_history
from tests.exporters.drawing.drawn import needs_dot
from tests.exporters.runs import OPERATIONS, write_search

pytestmark = needs_dot

PAGE = ("another", *OPERATIONS[:0:-1])
"""The operations of the page: more, and in another order than a cell's."""


@pytest.fixture
def cell(tmp_path: Path) -> CellEvolution:
    write_search(tmp_path)
    return cell_evolutions(tmp_path, read_history(tmp_path))[0]


def test_the_template_and_the_script_agree_on_the_last_epoch(cell: CellEvolution) -> None:
    shown, moved = last_epoch(cell, PAGE), every_epoch(cell, PAGE, range(len(cell.frames)))
    size = len(moved["frames"][-1]) // (len(cell.lanes) * len(cell.operations))
    numbers = iter(zip(*[iter(moved["frames"][-1])] * size, strict=True))
    for lane, described, label in zip(shown["lanes"], moved["lanes"], moved["labels"][-1], strict=True):
        assert lane["name"] == described["name"]
        assert label == [lane["op"], lane["label"]]
        for ribbon, position in zip(lane["ribbons"], moved["operations"], strict=True):
            _, width, opacity, derived, importance = next(numbers)
            assert PAGE[ribbon["op"]] == PAGE[position]
            assert float(ribbon["width"]) == pytest.approx(width, abs=0.006)
            assert float(ribbon["opacity"]) == pytest.approx(opacity, abs=0.006)
            assert ribbon["derived"] == bool(derived)
            assert ribbon["text"] == (f"{importance:.2f}" if width else "·")


def test_the_script_knows_how_many_numbers_a_ribbon_has(cell: CellEvolution) -> None:
    script = files("genocc.exporters.report").joinpath("templates/report.js").read_text("utf-8")
    (fields,) = re.findall(r"\bFIELDS = (\d+)", script)
    (frame,) = every_epoch(cell, PAGE, [0])["frames"]
    assert len(frame) == int(fields) * len(cell.lanes) * len(cell.operations)


def test_only_the_epochs_that_the_slider_stops_at_are_written(cell: CellEvolution) -> None:
    every, some = every_epoch(cell, PAGE, range(4)), every_epoch(cell, PAGE, [0, 3])
    assert some["frames"] == [every["frames"][0], every["frames"][3]]
    assert some["labels"] == [every["labels"][0], every["labels"][3]]


def test_ribbons_can_be_drawn_beside_the_middle_with_the_normals(cell: CellEvolution) -> None:
    """The script's own formula, on the numbers that it gets, gives the paths of the template."""
    shown, moved = last_epoch(cell, PAGE), every_epoch(cell, PAGE, [3])
    (frame,) = moved["frames"]
    for number, (lane, described) in enumerate(zip(shown["lanes"], moved["lanes"], strict=True)):
        quads = list(zip(*[iter(described["points"])] * 4, strict=True))
        for k, ribbon in enumerate(lane["ribbons"]):
            offset = frame[(number * len(cell.operations) + k) * 5]
            ours = [(x + nx * offset, y + ny * offset) for x, y, nx, ny in quads]
            theirs = [tuple(map(float, pair.split())) for pair in ribbon["d"].removeprefix("M").split("L")]
            for mine, other in zip(ours, theirs, strict=True):
                assert mine == pytest.approx(other, abs=0.2)


def test_vertices_and_lanes_have_the_names_of_the_drawing(cell: CellEvolution) -> None:
    shown = last_epoch(cell, PAGE)
    assert [(vertex["role"], vertex["label"]) for vertex in shown["vertices"]] == [
        ("input", "k−2"), ("input", "k−1"), ("node", "2"), ("node", "3"), ("output", "k"),
    ]  # fmt: skip
    assert [lane["name"] for lane in shown["lanes"]] == ["k−2 → 2", "k−1 → 2", "k−2 → 3", "k−1 → 3", "2 → 3"]
    assert [lane["first"] for lane in shown["lanes"]] == [True, False, True, False, False]
    assert (
        shown["caption"] == f"{sum(ribbon['derived'] for lane in shown['lanes'] for ribbon in lane['ribbons'])} edges"
    )
