"""Names of values: written and read by one module, and those of every net are all understood."""

from __future__ import annotations

import ast

from hypothesis import example, given, settings
from hypothesis import strategies as st

from genocc import Genotype, NetworkConfig, lower, origins
from genocc.origins import Cell, Edge, Node, Preprocessing, Section, parse
from tests.sample_data import ROOT
from tests.strategies import genotypes, networks

numbers = st.integers(0, 511)
places = st.one_of(
    st.builds(Section, st.sampled_from(["image", "stem", "stem1", "auxiliary", "head", "classifier"])),
    st.builds(Cell, numbers),
    st.builds(Preprocessing, numbers, st.integers(0, 1)),
    st.builds(Node, numbers, numbers),
    st.builds(Edge, numbers, numbers, st.from_regex(r"[\w-]+", fullmatch=True), numbers),
)
whats = st.sampled_from(["", "dw1", "drop_path", "conv.part0", "inner.conv.weight", "merged.concat"])


@given(places, whats)
@example(Edge(0, 0, "nodes", 0), "cells.0.pre0")
@example(Node(0, 0), "add.merged0")
def test_what_is_written_is_read(place: origins.Place, what: str) -> None:
    assert parse(f"{place}.{what}" if what else str(place)) == (place, what)


@given(st.text("cells.nodpr0123456789\u00b2\u0663-", max_size=40) | st.text(max_size=20))
@example("cells." + "9" * 5000)
@example("cells.03.concat")
def test_any_text_is_a_place_and_a_rest(name: str) -> None:
    place, what = parse(name)
    assert name in (str(place), f"{place}.{what}")


@settings(max_examples=20)
@given(genotypes(max_nodes=4), networks())
def test_every_value_of_a_net_is_in_its_place(genotype: Genotype, config: NetworkConfig) -> None:
    found = [parse(name) for name in lower(genotype, config, training=True).nodes]
    edges = {place for place, _ in found if isinstance(place, Edge)}
    for place, what in found:
        match place:
            case Section(name):
                assert name in ("image", "stem", "stem0", "stem1", "head", "classifier")
            case Cell():
                assert what == "concat"
            case Node(cell, node):
                assert what == "add"
                assert len(genotype.cells[config.kind(cell)].nodes[node]) > 1
            case Edge(cell, node, op, position):
                assert genotype.cells[config.kind(cell)].nodes[node][position].op == op
            case Preprocessing():
                assert what
    assert {edge.op for edge in edges} <= {e.op for c in genotype.cells.values() for node in c.nodes for e in node}


def test_names_by_hand() -> None:
    edge = Edge(3, 1, "sep_conv_3x3", 0)
    assert parse("cells.3.nodes.1.sep_conv_3x3.0.dw1") == (edge, "dw1")
    assert parse("cells.3.nodes.1.add.merged0") == (Node(3, 1), "add.merged0")
    assert parse("cells.3.nodes.1.add.0.relu") == (Edge(3, 1, "add", 0), "relu")
    assert parse("cells.3.pre1.conv.part0") == (Preprocessing(3, 1), "conv.part0")
    assert parse("cells.3.concat") == (Cell(3), "concat")
    assert parse(origins.LOGITS) == (Section("classifier"), "linear")
    assert origins.drop_path(edge) == "cells.3.nodes.1.sep_conv_3x3.0.drop_path"
    assert origins.role("stem.conv.weight") == "weight"
    assert origins.below("cells.3.pre0.conv.part0", "cells.3.pre0") == "conv.part0"
    assert origins.below("image", "cells.3.pre0") == "image"
    assert [origins.is_auxiliary(name) for name in ("auxiliary.bn1.weight", "auxiliary_head.bn")] == [True, False]


def test_nobody_else_writes_names_of_places() -> None:
    """Texts of the form cells.NUMBER... occur elsewhere in docstrings, and in the names of foreign programs."""
    for folder in ("genocc", "searchers", "exporters"):
        for path in (ROOT / folder).rglob("*.py"):
            if path.name in ("origins.py",) or path.parent.name in ("checkpoints", "formats"):
                continue
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.JoinedStr) and isinstance(first := node.values[0], ast.Constant):
                    assert not str(first.value).startswith(("cells.", "auxiliary.", "head.")), f"{path}:{node.lineno}"
