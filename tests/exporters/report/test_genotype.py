"""The genotype of a report: its drawing in the page's colours, its edges and their costs."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from genocc.counting import count
from genocc.errors import TargetError
from genocc.exporters.drawing import rendering
from genocc.exporters.drawing.diagram import FILLS
from genocc.exporters.report.genotype import genotype_part
from genocc.genotype import Genotype
from genocc.network import NetworkConfig
from genocc.results.run_data import RunData
from tests.exporters.drawing.drawn import needs_dot
from tests.exporters.runs import write_search, write_training

pytestmark = needs_dot


@pytest.fixture
def run(tmp_path: Path) -> RunData:
    write_search(tmp_path)
    return RunData.read(tmp_path)


def genotype_of(run: RunData) -> Genotype:
    assert run.genotype is not None
    return run.genotype


def test_rows_are_the_counts_of_each_edge(run: RunData) -> None:
    genotype = genotype_of(run)
    counts = count(genotype, NetworkConfig.make(channels=8, layers=5, input_size=(16, 16)))
    part = genotype_part(run)
    edges = [(kind, state, edge) for kind, cell in genotype.cells.items() for state, _, edge in cell.edges()]
    names = {0: "k−2", 1: "k−1"}
    for row, (kind, state, edge), counted in zip(part["rows"], edges, counts.by_edge, strict=True):
        assert (row["cell"], row["op"]) == (kind, edge.op)
        assert row["edge"] == f"{names.get(edge.source, str(edge.source))} → {state}"
        assert row["weight"] == f"{edge.weight:.3f}"
        assert row["macs"] == f"{counted.cost.macs:,}"
        assert row["parameters"] == f"{counted.cost.parameters:,}"
        assert row["share"] == f"{counted.cost.macs / counts.total.macs:.1%}"
    assert f"(skeleton cifar, C=8, L=5, 16x16, 10 classes), whose MACs are {counts.total.macs:,}." in part["note"]


def test_edges_of_the_drawing_are_those_of_the_rows_and_can_be_reached_by_the_keyboard(run: RunData) -> None:
    part = genotype_part(run)
    groups = [group for group in ET.fromstring(part["svg"]).iter() if group.get("data-edge")]
    rows = [row["id"] for row in part["rows"]]
    assert {group.get("data-edge") for group in groups} == set(rows)
    reached = [group.get("data-edge") for group in groups if group.get("tabindex") == "0"]
    assert sorted(map(str, reached)) == sorted(rows)  # the box of each edge, once
    for group in groups:
        assert bool(group.get("aria-label")) == (group.get("tabindex") == "0") != (group.get("aria-hidden") == "true")
        if group.get("aria-label"):
            assert str(group.get("data-tip")).splitlines()[0] == str(group.get("aria-label")).split(", ")[0]


def test_the_drawing_has_the_pages_colours_and_no_name_that_the_page_may_have(run: RunData) -> None:
    svg = genotype_part(run)["svg"]
    for color in ("#222222", "#444444", *FILLS.values()):
        assert color not in svg
    assert "light-dark(" in svg
    for role in FILLS:
        assert f"var(--{role.value})" in svg
    assert not [part for part in ET.fromstring(svg).iter() if part.get("id")]


def test_a_title_says_how_final_it_is(run: RunData, tmp_path: Path) -> None:
    assert genotype_part(run)["title"] == "Genotype"
    write_search(tmp_path / "running", finished=False)
    assert genotype_part(RunData.read(tmp_path / "running"))["title"] == "Genotype so far"
    write_training(tmp_path / "training", genotype_of(run))
    assert genotype_part(RunData.read(tmp_path / "training"))["title"] == "Genotype"


def test_without_counts_there_are_no_rows_but_the_reason(run: RunData, tmp_path: Path) -> None:
    network = {"skeleton": "cifar", "channels": 8, "layers": 0}
    config = {"preset": "quick", "seed": 0, "network": network, "data": {"name": "fake"}}
    write_training(tmp_path / "odd", genotype_of(run), config=config)
    odd = RunData.read(tmp_path / "odd")
    assert odd.counts is None
    part = genotype_part(odd)
    assert part["rows"] == []
    assert part["note"] == f"No counts: {odd.no_counts}."


def test_cells_that_cannot_be_drawn_say_that_a_report_draws_them(run: RunData, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "MAX_EXTENT", 10)
    with pytest.raises(TargetError, match=r"^a report has a diagram of the cells: the diagram has \d+ arrows and an"):
        genotype_part(run)
