"""The parts of a diagram as DOT, and colours in which text can be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocc.exporters.drawing.diagram import (
    CROWDED,
    FILLS,
    Arrow,
    Diagram,
    Panel,
    Role,
    Tone,
    Vertex,
    literal,
    readable,
    readable_on_dark,
)
from tests.exporters.drawing.drawn import Drawing, contrast, luminance

COLORS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
INPUTS = (Vertex("a", Role.INPUT, "k-2", "first"), Vertex("b", Role.INPUT, "k-1", "second"))
NODE, OUTPUT = Vertex("n", Role.NODE, "2", "node"), Vertex("o", Role.OUTPUT, "k", "output")


def drawing(*arrows: Arrow, vertices: tuple[Vertex, ...] = (*INPUTS, NODE, OUTPUT)) -> Drawing:
    return Drawing(Diagram("title", "text", (Panel("p", "heading", vertices, arrows),)).dot())


def visible(found: Drawing) -> list[tuple[str, str, dict[str, str]]]:
    return [arrow for arrow in found.arrows if arrow[2]["style"] != "invis"]


def test_an_arrow_without_a_label_goes_straight() -> None:
    ((tail, head, pen),) = visible(drawing(Arrow("x", "a", "n", "", "tip", arrowhead="vee", width=1.0)))
    assert (tail, head, pen["id"], pen["arrowhead"]) == ("p.a", "p.n", "p.x", "vee")
    assert (pen["style"], pen["penwidth"], pen["tooltip"]) == ("solid", "1", "tip")


def test_a_label_is_a_box_between_the_two_halves_of_its_arrow() -> None:
    found = drawing(Arrow("x", "a", "n", "sum", "tip", color="#ffff00", dash="bold", arrowhead="vee"))
    (first, second) = visible(found)
    assert [arrow[:2] for arrow in (first, second)] == [("p.a", "p.x"), ("p.x", "p.n")]
    assert [arrow[2]["id"] for arrow in (first, second)] == ["p.x.tail", "p.x.head"]
    assert [arrow[2]["arrowhead"] for arrow in (first, second)] == ["none", "vee"]
    assert [arrow[2]["penwidth"] for arrow in (first, second)] == ["3.2", "3.2"]  # bold: twice the width
    box = found.nodes["p.x"]
    assert (box["label"], box["color"]) == ("sum", "#ffff00")
    assert contrast(box["fontcolor"]) >= 4.5


def test_inputs_are_kept_in_order_by_an_arrow_that_is_not_seen() -> None:
    (hidden,) = (arrow for arrow in drawing().arrows if arrow[2]["style"] == "invis")
    assert hidden[:2] == ("p.b", "p.a")


def test_each_role_has_its_fill_and_its_outline() -> None:
    found = drawing().nodes
    for vertex in (*INPUTS, NODE, OUTPUT):
        assert found[f"p.{vertex.name}"]["fillcolor"] == FILLS[vertex.role]
    assert found["p.a"]["style"] == "filled,rounded"
    assert (found["p.n"]["shape"], found["p.o"]["shape"]) == ("circle", "box")


def test_tones_differ_in_black_and_white() -> None:
    found = drawing(vertices=tuple(Vertex(tone.value, Role.NODE, "2", "", tone) for tone in Tone)).nodes
    outlines = {(found[f"p.{tone.value}"]["style"], found[f"p.{tone.value}"].get("penwidth")) for tone in Tone}
    assert len(outlines) == len(Tone)


@pytest.mark.parametrize("vertex", [INPUTS[0], NODE, OUTPUT], ids=lambda vertex: vertex.role.value)
def test_a_vertex_grows_with_its_arrows(vertex: Vertex) -> None:
    def height(arrows: int) -> float:
        ends = [("a", "o"), ("n", "o"), ("a", "n")][[Role.INPUT, Role.OUTPUT, Role.NODE].index(vertex.role)]
        found = drawing(*(Arrow(f"x{number}", *ends, "", "") for number in range(arrows)))
        return float(found.nodes[f"p.{vertex.name}"]["height"])

    assert height(1) == 0.42
    assert height(10) > 0.9
    assert height(20) > 1.9


def test_panels_stand_under_each_other_in_their_order() -> None:
    panels = tuple(Panel(name, name, (NODE,), ()) for name in ("first", "second"))
    source = Diagram("", "", panels).dot()
    assert source.index("cluster_second") < source.index("cluster_first")  # Graphviz stacks from the bottom


def test_long_titles_are_wrapped() -> None:
    source = Diagram("word " * 40 + "\nnext", "", ()).dot()
    (label,) = (part for part in source.split('"') if part.startswith("word"))
    lines = label.split("\\n")
    assert lines[-1] == "next"
    assert all(len(line) <= 72 for line in lines)
    assert sum(line.count("word") for line in lines) == 40


@pytest.mark.parametrize(("extent", "limited"), [(CROWDED, False), (CROWDED + 1, True)])
def test_large_diagrams_get_fewer_rounds(extent: int, limited: bool) -> None:
    crowd = tuple(Arrow(f"x{number}", "a", "n", "", "") for number in range(extent - 3))
    diagram = Diagram("", "", (Panel("p", "", (*INPUTS, NODE), crowd),))
    assert diagram.extent == extent
    assert ("nslimit" in diagram.dot()) == limited


def test_an_extent_counts_vertices_and_the_ranks_that_arrows_span() -> None:
    vertices = tuple(Vertex(name, Role.NODE, name, "") for name in "abc")
    arrows = (Arrow("1", "a", "b", "x", ""), Arrow("2", "b", "c", "", ""), Arrow("3", "a", "c", "x", ""))
    assert Panel("p", "", vertices, arrows).extent == 3 + 2 + 1 + 3
    circle = Panel("p", "", vertices, (*arrows, Arrow("4", "c", "a", "", "")))
    assert circle.extent == 9 + 3


@pytest.mark.parametrize(
    ("text", "written"), [("a&lt;b", "a&amp;lt;b"), ("back\\nslash", "back\\\\nslash"), ("plain 架构", "plain 架构")]
)
def test_text_is_shown_as_it_is(text: str, written: str) -> None:
    assert literal(text) == written


@given(COLORS)
def test_text_is_readable_on_white(color: str) -> None:
    assert contrast(readable(color)) >= 4.5
    assert contrast(color) < 4.5 or readable(color) == color


@given(COLORS, COLORS)
def test_text_is_readable_on_dark_and_shades_keep_their_order(one: str, other: str) -> None:
    darker, lighter = sorted((one, other), key=luminance)
    found = [readable_on_dark(color) for color in (darker, lighter)]
    assert all(contrast(color, "#1c1e22") >= 4.5 for color in found)
    if luminance(lighter) > luminance(darker) + 0.05:
        assert luminance(found[1]) > luminance(found[0])
