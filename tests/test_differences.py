"""Differences between genotypes: what `genocc diff` finds, prints and draws."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

import genocc
from genocc import Cell, Edge, Genotype, diff
from genocc.cli import app
from genocc.differences import CellDifference, Connection
from tests.strategies import cells, genotypes, renumbered
from tests.test_matching import shuffled


def one(cell: Cell, name: str = "one") -> Genotype:
    return Genotype(name=name, cells={"normal": cell})


def compared(a: Cell, b: Cell) -> CellDifference:
    (difference,) = diff(one(a), one(b)).cells
    return difference


def live_edges(cell: Cell) -> Counter[tuple[int, int, str]]:
    return Counter((edge.source, state, edge.op) for state, _, edge in cell.edges() if state in cell.live)


@settings(max_examples=50)
@given(genotypes(max_nodes=5), genotypes(max_nodes=5))
def test_same_means_equal_hashes(a: Genotype, b: Genotype) -> None:
    assert diff(a, b).same == (a.hash == b.hash)
    assert diff(a, a).same


@given(st.data())
def test_renumbering_is_no_difference(data: st.DataObject) -> None:
    cell = data.draw(cells())
    assert compared(cell, data.draw(renumbered(cell))).same


def test_large_cells_that_are_hard_to_match_are_the_same_when_their_hashes_are() -> None:
    rng = random.Random(30)
    nodes = tuple(tuple(Edge(op="skip_connect", source=rng.randrange(2 + n)) for _ in range(2)) for n in range(30))
    cell = Cell(nodes=nodes, concat=tuple(range(2, 32)))
    assert compared(cell, shuffled(cell, rng)).same


@settings(max_examples=50)
@given(cells(max_nodes=6), cells(max_nodes=6))
def test_the_parts_add_up_to_both_cells(a: Cell, b: Cell) -> None:
    found = compared(a, b)
    other = found.b
    assert other is not None
    here, there = Counter(found.kept), Counter(
        Connection(found.matching[edge.source], found.matching[edge.target], edge.op) for edge in found.kept
    )  # fmt: skip
    assert here + Counter(found.only_a) == live_edges(a)
    assert there + Counter(found.only_b) == live_edges(other)
    assert {*found.concat_kept, *found.concat_only_a} == set(a.concat)
    assert {*(found.matching[s] for s in found.concat_kept), *found.concat_only_b} == set(other.concat)
    assert len(set(found.matching.values())) == len(found.matching)
    assert {0: 0, 1: 1}.items() <= found.matching.items()


def test_dead_nodes_names_weights_and_metadata_do_not_count(darts_v2: Genotype) -> None:
    normal = darts_v2.cells["normal"]
    weighted = tuple(tuple(edge.model_copy(update={"weight": 0.5}) for edge in reversed(node)) for node in normal.nodes)
    other = Cell(nodes=(*weighted, (Edge(op="conv_1x1", source=2),)), concat=normal.concat)
    renamed = Genotype(
        name="other", cells={"normal": other, "reduction": darts_v2.cells["reduction"]}, metadata={"a": 1}
    )
    assert diff(darts_v2, renamed).same


A = Cell(
    nodes=((Edge(op="sep_conv_3x3", source=0), Edge(op="skip_connect", source=1)), (Edge(op="conv_1x1", source=2),)),
    concat=(2, 3),
)
B = Cell(
    nodes=(
        (Edge(op="skip_connect", source=1), Edge(op="sep_conv_3x3", source=0), Edge(op="sep_conv_3x3", source=0)),
        (Edge(op="conv_3x3", source=2),),
    ),
    concat=(3,),
)  # fmt: skip


def test_a_small_difference_by_hand() -> None:
    found = compared(A, B)
    assert found.matching == {0: 0, 1: 1, 2: 2, 3: 3}
    assert found.kept == ((0, 2, "sep_conv_3x3"), (1, 2, "skip_connect"))
    assert found.only_a == ((2, 3, "conv_1x1"),)
    assert found.only_b == ((0, 2, "sep_conv_3x3"), (2, 3, "conv_3x3"))
    assert (found.concat_kept, found.concat_only_a, found.concat_only_b) == ((3,), (2,), ())


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["diff", *arguments], catch_exceptions=False)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    one(A, "left").save(paths[0])
    one(B, "right").save(paths[1])
    return list(map(str, paths))


def test_command_prints_what_differs(files: list[str]) -> None:
    result = run(*files)
    assert result.exit_code == 1
    assert result.output == (
        "A: left\nB: right\nnormal cell: 1 edges only in A, 2 only in B, 2 in both\n"
        "  node 3\n    - conv_1x1 from 2\n    + conv_3x3 from 2\n"
        "  node 2\n    + sep_conv_3x3 from 0\n  concat\n    - 2\n"
    )


def test_command_names_renumbered_nodes_and_missing_cells(tmp_path: Path) -> None:
    first = Cell(nodes=((Edge(op="conv_1x1", source=0),), (Edge(op="conv_3x3", source=1),)), concat=(2, 3))
    second = Cell(
        nodes=((Edge(op="conv_3x3", source=1),), (Edge(op="conv_1x1", source=0), Edge(op="skip_connect", source=2))),
        concat=(2, 3),
    )
    one(first).save(tmp_path / "a.json")
    Genotype(name="b", cells={"normal": second, "reduction": first}).save(tmp_path / "b.json")
    output = run(str(tmp_path / "a.json"), str(tmp_path / "b.json")).output
    assert "  node 2→3\n    + skip_connect from 3→2\n" in output
    assert "reduction cell: only in B\n  node 2 (only in B)\n    + conv_1x1 from 0\n" in output


def test_command_says_same(tmp_path: Path, darts_v2: Genotype) -> None:
    darts_v2.model_copy(update={"name": "renamed"}).save(tmp_path / "same.json")
    result = run("zoo:darts-v2", str(tmp_path / "same.json"))
    assert (result.exit_code, result.output) == (0, "same\n")


def test_command_prints_json(files: list[str]) -> None:
    result = run(*files, "--json")
    assert result.exit_code == 1
    data = json.loads(result.output)
    assert data["a"] == {"name": "left", "hash": one(A).hash}
    cell = data["cells"]["normal"]
    assert cell["only_in_a"] == [{"from": 2, "to": 3, "op": "conv_1x1"}]
    assert cell["concat_only_in_a"] == [2]
    assert cell["minimal"]
    assert not data["same"]
    assert json.loads(run(files[0], files[0], "--json").output)["same"]


def test_command_draws_the_union(files: list[str], tmp_path: Path) -> None:
    picture = tmp_path / "union.dot"
    assert run(*files, "-o", str(picture)).exit_code == 1
    text = picture.read_text()
    assert text.count('label="− conv_1x1"') == text.count('label="+ conv_3x3"') == 1
    assert run("zoo:darts-v2", "zoo:darts-v2", "-o", str(picture)).exit_code == 0
    assert "the same in both" in picture.read_text()


def test_bad_suffix_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    result = run("missing.json", "missing.json", "-o", str(tmp_path / "union.jpg"))
    assert result.exit_code == 2
    assert "union.jpg: cannot tell the format" in result.stderr


def test_genocc_exports_diff() -> None:
    assert genocc.diff(one(A), one(A)).same
