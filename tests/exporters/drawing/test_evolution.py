"""How cells evolve: the coefficients of a history as ribbons in one layout."""

import json
from pathlib import Path

import pytest

from genocc.errors import RunError
from genocc.exporters.drawing.evolution import (
    MOST_RIBBONS,
    WIDEST,
    Frame,
    Ribbon,
    beside,
    cell_evolutions,
    sampled_epochs,
)
from genocc.runs.reading import HISTORY, read_history
from tests.exporters.runs import OPERATIONS, edges, write_search


def test_ribbons_are_as_wide_as_their_coefficients(tmp_path: Path) -> None:
    write_search(tmp_path)
    history = read_history(tmp_path)
    normal, _ = cell_evolutions(tmp_path, history)
    assert normal.operations == OPERATIONS[1:]  # `none` is no ribbon
    assert list(normal.lanes) == edges(2)
    for frame, line in zip(normal.frames, history, strict=True):
        found = line["coefficients"]["normal"]["op"]
        for target in (2, 3):
            lanes = [e for e, (_, to) in enumerate(normal.lanes) if to == target]
            strongest = max(sum(found[e][1:]) for e in lanes)
            for e in lanes:
                for ribbon, coefficient in zip(frame.ribbons[e], found[e][1:], strict=True):
                    expected = WIDEST * coefficient / strongest
                    assert ribbon.width == pytest.approx(expected) or (ribbon.derived and ribbon.width > expected)
                    assert ribbon.derived == (coefficient > 0)


def test_ribbons_lie_side_by_side_around_the_middle(tmp_path: Path) -> None:
    write_search(tmp_path)
    for cell in cell_evolutions(tmp_path, read_history(tmp_path)):
        for lane in cell.frames[0].ribbons:
            left = [ribbon.offset - ribbon.width / 2 for ribbon in lane]
            right = [ribbon.offset + ribbon.width / 2 for ribbon in lane]
            assert left[0] == pytest.approx(-right[-1])
            assert left[1:] == pytest.approx(right[:-1])


def test_labels_name_the_strongest_derived_operation_and_count_the_others(tmp_path: Path) -> None:
    write_search(tmp_path)
    normal, _ = cell_evolutions(tmp_path, read_history(tmp_path))
    for frame in normal.frames:
        for label, lane in zip(frame.labels, frame.ribbons, strict=True):
            kept = {name: s.importance for name, s in zip(normal.operations, lane, strict=True) if s.derived}
            name, _, others = label.partition(" +")
            assert bool(label) == bool(kept)
            assert not kept or kept[name] == max(kept.values())
            assert int(others or 0) == max(len(kept) - 1, 0)


def test_lanes_run_from_state_to_state_in_one_layout(tmp_path: Path) -> None:
    write_search(tmp_path, nodes=4)
    normal, reduction = cell_evolutions(tmp_path, read_history(tmp_path))
    assert normal.geometry == reduction.geometry
    geometry = normal.geometry
    for source, target in normal.lanes:
        points = geometry.curves[f"lane.{source}.{target}"]
        for point, state in ((points[0], source), (points[-1], target)):
            box = geometry.vertices[f"states.{state}"]
            assert abs(point[0] - box.x) <= box.width / 2 + 3
            assert abs(point[1] - box.y) <= box.height / 2 + 3
        assert all(0 <= x <= geometry.width and 0 <= y <= geometry.height for x, y in points)


def test_a_curve_beside_another_keeps_its_distance() -> None:
    assert beside([(0, 0), (5, 0), (9, 0)], 2) == [(0, 2), (5, 2), (9, 2)]  # y grows downwards: right is below
    assert beside([(0, 0), (0, 4)], -1) == [(1, 0), (1, 4)]


def test_all_epochs_are_shown_unless_they_are_too_many() -> None:
    assert sampled_epochs(200, 50) == list(range(50))
    many = sampled_epochs(200, 5000)
    assert len(many) == MOST_RIBBONS // 200
    assert (many[0], many[-1]) == (0, 4999)
    assert many == sorted(set(many))


@pytest.mark.parametrize(("derived", "caption"), [(0, "0 edges"), (1, "1 edge"), (3, "3 edges")])
def test_a_frame_counts_its_derived_edges(derived: int, caption: str) -> None:
    lanes = tuple((Ribbon(0, 1, 1, number < derived, 1), Ribbon(1, 1, 1, False, 1)) for number in range(4))
    assert Frame(lanes, ("",) * 4).caption == caption


def test_a_history_without_coefficients_has_no_evolution(tmp_path: Path) -> None:
    assert cell_evolutions(tmp_path, [{"epoch": 1}]) == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"op": [[0.5]]}, r"line 2: coefficients: .*op: expected a number for each of 5 edges and 4 operations"),
        ({"edge": [1.0] * 4}, r"line 2: coefficients: .*edge: expected a number for each"),
        ({"edges": [[0, 9]] * 5}, r"line 2: not an epoch of a search: edges do not fit the genotype's states"),
        ({"edges": [[0, 3], [1, 2], [0, 3], [1, 3], [2, 3]]}, r"line 2: the normal cell has other edges"),
        ({"operations": None}, r"line 2: coefficients: operations"),
        ({"edge": [float("nan")] * 5}, r"line 2: coefficients: .*edge: expected finite numbers"),
    ],
)
def test_broken_coefficients_name_the_line(tmp_path: Path, change: dict[str, object], message: str) -> None:
    write_search(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / HISTORY).read_text().splitlines()]
    lines[1]["coefficients"]["normal"] |= change
    with pytest.raises(RunError, match=message):
        cell_evolutions(tmp_path, lines)
