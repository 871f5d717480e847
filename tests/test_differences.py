"""Differences between genotypes: what `genocc diff` finds, prints and draws."""

from __future__ import annotations

import random
from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import genocc
from genocc import Cell, Edge, Genotype, diff
from genocc.differences import CellDifference, Connection
from genocc.matching import BUDGET
from tests.strategies import OPS, cells, genotypes, renumbered


def one(cell: Cell, name: str = "one") -> Genotype:
    return Genotype(name=name, cells={"normal": cell})


def compared(a: Cell, b: Cell) -> CellDifference:
    (difference,) = diff(one(a), one(b)).cells
    return difference


def size(difference: CellDifference) -> int:
    parts = (difference.only_a, difference.only_b, difference.concat_only_a, difference.concat_only_b)
    return sum(map(len, parts))


def live_edges(cell: Cell) -> Counter[tuple[int, int, str]]:
    return Counter((edge.source, state, edge.op) for state, _, edge in cell.edges() if state in cell.live)


def smallest(a: Cell, b: Cell) -> int:
    """The size of the smallest difference, by trying every matching of the live nodes."""
    nodes_a = [state for state in sorted(a.live) if state >= a.inputs]
    nodes_b = [state for state in sorted(b.live) if state >= b.inputs]
    images = [*nodes_b, *(-1 - number for number in range(len(nodes_a)))]
    edges_a, edges_b = live_edges(a), live_edges(b)
    total = edges_a.total() + edges_b.total() + len(a.concat) + len(b.concat)
    most = 0
    for chosen in permutations(images, len(nodes_a)):
        place = {**{s: s for s in range(a.inputs)}, **dict(zip(nodes_a, chosen, strict=True))}
        moved: Counter[tuple[int, int, str]] = Counter()
        for (source, target, op), number in edges_a.items():
            moved[place.get(source, -99), place[target], op] += number
        most = max(most, (moved & edges_b).total() + len({place[s] for s in a.concat} & set(b.concat)))
    return total - 2 * most


def changed(cell: Cell, rng: random.Random, times: int = 1) -> Cell:
    """The cell with some operations replaced by others, on different edges."""
    nodes = [list(node) for node in cell.nodes]
    places = [(n, e) for n, node in enumerate(nodes) for e in range(len(node))]
    for n, e in rng.sample(places, times):
        other = rng.choice([op for op in OPS if op != nodes[n][e].op])
        nodes[n][e] = Edge(op=other, source=nodes[n][e].source)
    return Cell(inputs=cell.inputs, nodes=tuple(map(tuple, nodes)), concat=cell.concat)


def shuffled(cell: Cell, rng: random.Random) -> Cell:
    """The cell with its nodes in another topological order."""
    order: list[int] = []
    while len(order) < len(cell.nodes):
        placed = {*range(cell.inputs), *order}
        ready = [
            state
            for state in range(cell.inputs, cell.states)
            if state not in placed and {edge.source for edge in cell.nodes[state - cell.inputs]} <= placed
        ]
        order.append(rng.choice(ready))
    place = {s: s for s in range(cell.inputs)} | {s: cell.inputs + n for n, s in enumerate(order)}
    nodes = tuple(tuple(Edge(op=e.op, source=place[e.source]) for e in cell.nodes[s - cell.inputs]) for s in order)
    return Cell(inputs=cell.inputs, nodes=nodes, concat=tuple(place[s] for s in cell.concat))


def random_cell(rng: random.Random, nodes: int, least: int, most: int) -> Cell:
    return Cell(
        nodes=tuple(
            tuple(Edge(op=rng.choice(OPS), source=rng.randrange(2 + n)) for _ in range(rng.randint(least, most)))
            for n in range(nodes)
        ),
        concat=tuple(range(2, 2 + nodes)),
    )


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


FEW = ("sep_conv_3x3", "skip_connect")


@settings(max_examples=60)
@given(cells(max_nodes=4, max_edges=3, ops=FEW), cells(max_nodes=4, max_edges=3, ops=FEW))
def test_no_smaller_difference_exists(a: Cell, b: Cell) -> None:
    found = compared(a, b)
    assert found.minimal
    assert size(found) == smallest(a, b)


@pytest.mark.parametrize(("nodes", "edges", "times"), [(4, 2, 1), (8, 6, 3), (12, 6, 1), (12, 6, 5), (64, 2, 1)])
def test_changed_operations_are_found_under_a_renumbering(nodes: int, edges: int, times: int) -> None:
    rng = random.Random(nodes * 100 + times)
    cell = random_cell(rng, nodes, edges, edges)
    found = compared(cell, shuffled(changed(cell, rng, times), rng))
    assert len(found.only_a) == len(found.only_b) == times
    assert not found.concat_only_a
    assert found.minimal


@pytest.mark.parametrize(("nodes", "seed", "most"), [(20, 2, 64), (32, 2, 96), (64, 2, 218)])
def test_unlike_cells_end_within_the_budget(nodes: int, seed: int, most: int) -> None:
    """``most`` is what the search found when it was written: it shall not get worse."""
    rng = random.Random(seed)
    found = compared(random_cell(rng, nodes, 2, 2), random_cell(rng, nodes, 2, 2))
    assert not found.minimal
    assert size(found) <= most
    assert BUDGET <= 1_000_000


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


def test_inputs_match_from_the_last_backwards() -> None:
    single = Cell(inputs=1, nodes=((Edge(op="conv_3x3", source=0),),), concat=(1,))
    double = Cell(nodes=((Edge(op="conv_3x3", source=1),),), concat=(2,))
    found = compared(single, double)
    assert found.matching == {0: 1, 1: 2}
    assert size(found) == 0
    assert not found.same


def test_genocc_exports_diff() -> None:
    assert genocc.diff(one(A), one(A)).same
