"""Differences between genotypes: what `genocc diff` finds, prints and draws."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import genocc
from genocc import Cell, Edge, Genotype, diff, differences, matching
from genocc.differences import CellDifference, Connection
from genocc.matching import BUDGET, match_nodes
from tests.strategies import cells, crowded, genotypes, renumbered
from tests.test_matching import shuffled


def one(cell: Cell, name: str = "one") -> Genotype:
    return Genotype(name=name, cells={"normal": cell})


def compared(a: Cell, b: Cell) -> CellDifference:
    (difference,) = diff(one(a), one(b)).cells
    return difference


def live_edges(cell: Cell) -> Counter[tuple[int, int, str]]:
    return Counter((edge.source, state, edge.op) for state, _, edge in cell.edges() if state in cell.live)


@settings(max_examples=50)
@given(genotypes(max_nodes=5, zeros=True), genotypes(max_nodes=5, zeros=True))
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
@given(cells(max_nodes=6, zeros=True), cells(max_nodes=6, zeros=True))
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


def test_genocc_exports_diff() -> None:
    assert genocc.diff(one(A), one(A)).same


def test_many_cells_share_the_budget_of_a_matching(monkeypatch: pytest.MonkeyPatch) -> None:
    budgets: list[int] = []

    def match(a: Cell, b: Cell, budget: int) -> tuple[dict[int, int], bool]:
        budgets.append(budget)
        return match_nodes(a, b, budget)

    monkeypatch.setattr(differences, "match_nodes", match)
    one, other = crowded(4, 8).cells["normal"], crowded(4, 9).cells["normal"]
    for kinds in (4, 16):
        cells = [{f"k{number}": cell for number in range(kinds)} for cell in (one, other)]
        genocc.diff(*(Genotype(name="x", cells=each) for each in cells))
    assert budgets == [BUDGET] * 4 + [BUDGET // 4] * 16


def test_the_largest_cell_is_matched_with_itself_without_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching._Matcher, "run", lambda self: pytest.fail("there is nothing to search"))
    assert genocc.diff(crowded(), crowded()).same
