"""Diagrams: what is drawn is what the genotype says."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import genocc
from genocc import Cell, Edge, Genotype
from genocc.errors import GenotypeError
from genocc.exporters.drawing import rendering
from genocc.exporters.drawing.diagram import Tone
from genocc.exporters.drawing.graphviz import difference_diagram, genotype_diagram
from genocc.exporters.drawing.rendering import render
from genocc.operations import OPERATIONS
from tests.exporters.drawing.drawn import DRAWN, Drawing, chain, needs_dot, one, texts, titles
from tests.sample_data import ROOT
from tests.strategies import cells, genotypes

GOLDEN = ROOT / "tests" / "golden" / "darts-v2.dot"
IMAGE = ROOT / "docs" / "images" / "darts-v2.svg"


@settings(max_examples=30)
@given(genotypes(weights=True, zeros=True))
def test_dot_has_every_edge_once_and_the_concat_as_it_is(genotype: Genotype) -> None:
    drawing = Drawing(genotype_diagram(genotype).dot())
    boxes = 0
    for kind, cell in genotype.cells.items():
        assert drawing.edges(kind) == Counter((edge.source, state, edge.op) for state, _, edge in cell.edges())
        assert sorted(drawing.concat(kind)) == sorted(cell.concat)
        boxes += sum(1 for _ in cell.edges())
        assert {f"{kind}.states.{state}" for state in range(cell.states)} <= drawing.nodes.keys()
    states = sum(cell.states + 1 for cell in genotype.cells.values())
    assert len(drawing.nodes) == boxes + states
    arrows = [attributes for *_, attributes in drawing.arrows if attributes["style"] != "invis"]
    assert len(arrows) == 2 * boxes + sum(len(cell.concat) for cell in genotype.cells.values())


def test_a_node_of_zeros_says_so_and_has_no_arrow() -> None:
    none = (Edge(op="none", source=1),)
    cell = Cell(nodes=(none, (Edge(op="conv_1x1", source=2),), none), concat=(2, 3))
    diagram = genotype_diagram(one(cell))
    (panel,) = diagram.panels
    looks = {vertex.name: (vertex.label, vertex.tone, vertex.tooltip) for vertex in panel.vertices}
    assert looks["states.2"] == ("2 = 0", Tone.ZERO, "node 2, zero")
    assert looks["states.4"] == ("4 = 0", Tone.FAINT, "node 4, dead: it reaches no part of the concat, zero")
    assert [arrow.label for arrow in panel.arrows] == ["conv_1x1", "", ""]
    assert "node 2 is zero; node 4 is zero" in diagram.description


def test_a_node_that_is_zero_in_one_of_two_is_a_plain_one_in_their_difference() -> None:
    conv, none = (Edge(op="conv_1x1", source=0),), (Edge(op="none", source=0),)
    first, second = Cell(nodes=(conv, none), concat=(2, 3)), Cell(nodes=(none, none, conv), concat=(2, 3, 4))
    for a, b in [(first, second), (second, first)]:
        (panel,) = difference_diagram(genocc.diff(one(a), one(b))).panels
        assert sum(vertex.tone is Tone.ZERO for vertex in panel.vertices) == 1
        assert sum(vertex.label.endswith("= 0") for vertex in panel.vertices) == 2


@needs_dot
@settings(max_examples=10)
@given(genotypes())
def test_svg_has_every_edge_as_text_and_with_a_tooltip(genotype: Genotype) -> None:
    svg = render(genotype_diagram(genotype), ".svg")
    operations = Counter(edge.op for cell in genotype.cells.values() for *_, edge in cell.edges())
    assert Counter(text for text in texts(svg) if text in OPERATIONS) == operations
    tooltips = titles(svg, "node")
    for kind, cell in genotype.cells.items():
        for target, position, edge in cell.edges():
            tooltip = tooltips[f"{kind}.nodes.{target - cell.inputs}.{edge.op}.{position}"]
            assert tooltip.startswith(f"{edge.op} from ")
            assert f" to {target}" in tooltip


@needs_dot
@settings(max_examples=25)
@given(genotypes(max_nodes=6, max_edges=4))
def test_layout_runs_from_left_to_right_with_inputs_in_order(genotype: Genotype) -> None:
    plain = subprocess.run(
        ["dot", "-Tplain"], input=genotype_diagram(genotype).dot(), capture_output=True, text=True, check=True
    )
    rows = [line.split() for line in plain.stdout.splitlines() if line.startswith("node")]
    x = {row[1].strip('"'): float(row[2]) for row in rows}
    y = {row[1].strip('"'): float(row[3]) for row in rows}
    for kind, cell in genotype.cells.items():
        for target, _, edge in cell.edges():
            assert x[f"{kind}.states.{edge.source}"] < x[f"{kind}.states.{target}"]
        assert x[f"{kind}.output"] > max(x[f"{kind}.states.{state}"] for state in cell.concat)
        assert y[f"{kind}.states.0"] > y[f"{kind}.states.1"]
    assert y["normal.output"] > y["reduction.output"]


def test_golden_dot(darts_v2: Genotype) -> None:
    """To regenerate: genocc draw zoo:darts-v2 -o tests/golden/darts-v2.dot."""
    assert genotype_diagram(darts_v2).dot() == GOLDEN.read_text(encoding="utf-8")


@needs_dot
def test_the_checked_in_picture_is_up_to_date(darts_v2: Genotype) -> None:
    """To regenerate: genocc draw zoo:darts-v2 -o docs/images/darts-v2.svg. Positions depend on Graphviz's version."""
    ours, kept = render(genotype_diagram(darts_v2), ".svg"), IMAGE.read_bytes()
    assert texts(ours) == texts(kept)
    assert titles(ours, "node") == titles(kept, "node")


def test_dead_states_are_grey_and_dashed() -> None:
    cell = Cell(
        nodes=((Edge(op="sep_conv_3x3", source=1),), (Edge(op="sep_conv_3x3", source=2),)),
        concat=(2,),
    )
    drawing = Drawing(genotype_diagram(one(cell)).dot())
    dead = {name for name, attributes in drawing.nodes.items() if "dashed" in attributes["style"]}
    assert dead == {"normal.states.0", "normal.states.3"}
    assert drawing.nodes["normal.nodes.0.sep_conv_3x3.0"]["color"] == OPERATIONS["sep_conv_3x3"].color
    assert drawing.nodes["normal.nodes.1.sep_conv_3x3.0"]["color"] == "#a0a0a0"
    assert drawing.nodes["normal.nodes.1.sep_conv_3x3.0"]["tooltip"].endswith(", dead")


def test_width_grows_with_weight() -> None:
    weights = [0.0, 0.1, 0.5, 1.0]
    cell = Cell(nodes=(tuple(Edge(op="skip_connect", source=0, weight=w) for w in weights),), concat=(2,))
    drawing = Drawing(genotype_diagram(one(cell)).dot())
    widths = [float(pen["penwidth"]) for _, head, pen in drawing.arrows if head == "normal.states.2"]
    assert len(widths) == 4
    assert all(0 < thin < thick for thin, thick in pairwise(widths))
    assert "weight 0.5" in drawing.nodes["normal.nodes.0.skip_connect.2"]["tooltip"]


def test_tooltips_tell_macs_in_the_default_network(darts_v2: Genotype) -> None:
    drawing = Drawing(genotype_diagram(darts_v2).dot())
    rows = iter(genocc.count(darts_v2).by_edge)
    for kind, cell in darts_v2.cells.items():
        for target, position, edge in cell.edges():
            tooltip = drawing.nodes[f"{kind}.nodes.{target - 2}.{edge.op}.{position}"]["tooltip"]
            macs = next(rows).cost.macs
            assert f" {macs:,} MACs, {macs / 528_359_040:.1%} of the net" in tooltip


def test_cells_of_one_input_have_the_macs_of_their_skeleton() -> None:
    cell = Cell(inputs=1, nodes=((Edge(op="conv_1x1", source=0),),), concat=(1,))
    assert "3,932,160 MACs, 33.6% of the net (nas-bench-201, C=16, L=17)" in genotype_diagram(one(cell)).dot()


@settings(max_examples=30)
@given(cells(inputs=st.just(3)))
def test_cells_without_a_skeleton_are_drawn_without_macs(cell: Cell) -> None:
    source = genotype_diagram(one(cell)).dot()
    assert "MACs" not in source
    inputs = [name for name in Drawing(source).nodes if re.fullmatch(r"normal\.states\.[0-2]", name)]
    assert len(inputs) >= cell.inputs
    assert f"c_{{k-{cell.inputs}}}" in source


def test_cells_are_chosen_by_kind(darts_v2: Genotype) -> None:
    assert "cluster_normal" not in genotype_diagram(darts_v2, ["reduction"]).dot()
    assert genotype_diagram(darts_v2, []).dot() == genotype_diagram(darts_v2).dot()
    with pytest.raises(
        GenotypeError, match=r"\$\.cells\.stem: 'darts-v2' has no such cell; expected normal or reduction"
    ):
        genotype_diagram(darts_v2, ["stem"])


@settings(max_examples=40)
@given(genotypes(max_nodes=4, max_edges=3), genotypes(max_nodes=4, max_edges=3))
def test_union_shows_each_part_once_and_without_need_of_colour(a: Genotype, b: Genotype) -> None:
    difference = genocc.diff(a, b)
    drawing = Drawing(difference_diagram(difference).dot())
    labels = Counter(attributes["label"] for name, attributes in drawing.nodes.items() if ".edges." in name)
    expected: Counter[str] = Counter()
    for cell in difference.cells:
        expected.update(edge.op for edge in cell.kept)
        expected.update(f"− {edge.op}" for edge in cell.only_a)
        expected.update(f"+ {edge.op}" for edge in cell.only_b)
    assert labels == expected
    for tail, head, pen in drawing.arrows:
        if pen["style"] != "invis" and (sign := re.search(r"\.(a|b|kept)\.(edges|concat)", f"{tail} {head}")):
            assert (pen["style"] == "dashed") == (sign[1] == "a")
            assert (float(pen["penwidth"]) > 3) == (sign[1] == "b")


@needs_dot
def test_union_of_unlike_cells_is_drawn() -> None:
    a = one(chain("conv_3x3"))
    b = Genotype(
        name="two", cells={"normal": chain("conv_3x3", "conv_1x1"), "reduction": chain("skip_connect", inputs=1)}
    )
    svg = render(difference_diagram(genocc.diff(a, b)), ".svg")
    assert {"conv_3x3", "+ conv_1x1", "+ skip_connect", "+ concat"} <= set(texts(svg))


@pytest.mark.full
@needs_dot
def test_the_largest_cells_can_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 nodes and 1,024 edges: what a genotype can hold at most; ten seconds on an idle machine."""
    monkeypatch.setattr(rendering, "TIMEOUT", 300)
    ops = DRAWN * 2
    nodes = tuple(
        tuple(Edge(op=ops[(n + e) % 26], source=(7 * n + 5 * e) % (n + 2)) for e in range(16)) for n in range(64)
    )
    svg = render(genotype_diagram(one(Cell(nodes=nodes, concat=tuple(range(2, 66))))), ".svg")
    assert len([text for text in texts(svg) if text in OPERATIONS]) == 1024
