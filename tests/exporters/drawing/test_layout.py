"""Positions of the parts of a panel: read off Graphviz's JSON, which is made up here, and off Graphviz itself."""

from __future__ import annotations

import json
import math

import pytest

from genocc.exporters.drawing import layout
from genocc.exporters.drawing.diagram import Arrow, Diagram, Panel, Role, Vertex
from genocc.exporters.drawing.layout import MARGIN, SAMPLES, Box, lay_out
from tests.exporters.drawing.drawn import needs_dot

PANEL = Panel(
    "p",
    "heading",
    (Vertex("a", Role.INPUT, "k-2", ""), Vertex("b", Role.INPUT, "k-1", ""), Vertex("n", Role.NODE, "2", "")),
    (Arrow("named", "a", "n", "skip_connect", ""), Arrow("plain", "b", "n", "", "")),
)

WRITTEN = {
    "bb": "0,0,200,100",
    "objects": [
        {"name": "cluster_p"},
        {"id": "p.a", "pos": "20,80", "width": "0.5", "height": "0.25"},
        {"id": "p.b", "pos": "20,20", "width": "0.5", "height": "0.25"},
        {"id": "p.n", "pos": "180,50", "width": "0.5", "height": "0.5"},
        {"id": "p.named", "pos": "100,80", "width": "1", "height": "0.2"},
    ],
    "edges": [
        {"pos": "20,20 20,40 20,60 20,80"},
        {"id": "p.named.tail", "pos": "38,80 45,80 55,80 64,80"},
        {"id": "p.named.head", "pos": "e,170,60 136,80 150,80 160,70 165,65"},
        {"id": "p.plain", "pos": "e,162,50 38,20 80,20 110,30 130,40 140,45 150,48 160,50"},
    ],
}
"""What ``dot -Tjson`` says of the panel: points, of which y grows upwards; sizes in inches; an arrow's tip after e."""


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> None:
    def run_dot(diagram: Diagram, kind: str) -> bytes:
        assert (diagram.panels, kind) == ((PANEL,), "json")
        return json.dumps(WRITTEN).encode()

    monkeypatch.setattr(layout, "run_dot", run_dot)


@pytest.mark.usefixtures("written")
def test_the_drawing_is_cropped_to_its_parts() -> None:
    """The leftmost edge is that of the inputs, x = 2; the topmost that of the first input, y = 100 - 80 - 9 = 11."""
    found = lay_out(PANEL)
    left, top = 2 - MARGIN, 11 - MARGIN
    assert found.vertices == {
        "a": Box(20 - left, 20 - top, 36, 18),
        "b": Box(20 - left, 80 - top, 36, 18),
        "n": Box(180 - left, 50 - top, 36, 36),
    }
    assert found.labels == {"named": Box(100 - left, 20 - top, 72, pytest.approx(14.4))}
    assert (found.width, found.height) == (198 - left + MARGIN, 89 - top + MARGIN)


@pytest.mark.usefixtures("written")
def test_an_arrow_runs_from_its_tail_over_the_label_to_its_tip() -> None:
    found = lay_out(PANEL)
    left, top = 2 - MARGIN, 11 - MARGIN
    named, plain = found.curves["named"], found.curves["plain"]
    assert named[0] == (38 - left, 20 - top)
    assert named[SAMPLES : SAMPLES + 2] == ((64 - left, 20 - top), (136 - left, 20 - top))  # to the label, from it
    assert named[-1] == (170 - left, 40 - top)
    assert len(named) == 2 * (SAMPLES + 1) + 1
    assert len(plain) == 2 * SAMPLES + 1 + 1


@pytest.mark.usefixtures("written")
def test_pieces_are_bezier_curves() -> None:
    points = lay_out(PANEL).curves["plain"][: SAMPLES + 1]
    left, top = 2 - MARGIN, 11 - MARGIN
    controls = [(38, 80), (80, 80), (110, 70), (130, 60)]
    for number, point in enumerate(points):
        t = number / SAMPLES
        weights = [math.comb(3, k) * t**k * (1 - t) ** (3 - k) for k in range(4)]
        expected = (
            sum(w * x for w, (x, _) in zip(weights, controls, strict=True)) - left,
            sum(w * y for w, (_, y) in zip(weights, controls, strict=True)) - top,
        )
        assert point == pytest.approx(expected)


@needs_dot
def test_graphviz_is_understood() -> None:
    found = lay_out(PANEL)
    assert found.vertices["a"].x < found.labels["named"].x < found.vertices["n"].x
    assert found.vertices["a"].y < found.vertices["b"].y  # the first input is on top
    for name, tail in (("named", "a"), ("plain", "b")):
        for point, vertex in ((found.curves[name][0], tail), (found.curves[name][-1], "n")):
            box = found.vertices[vertex]
            assert abs(point[0] - box.x) <= box.width / 2 + 3
            assert abs(point[1] - box.y) <= box.height / 2 + 3
    for points in found.curves.values():
        assert all(MARGIN <= x <= found.width - MARGIN and MARGIN <= y <= found.height - MARGIN for x, y in points)
