"""The identity: equal exactly for genotypes that compute the same."""

from __future__ import annotations

import networkx as nx
from hypothesis import given, settings
from hypothesis import strategies as st

from genocc import Cell, Edge, Genotype
from genocc.identity import certificate
from tests.strategies import cells, genotypes, renumbered


def as_networkx(cell: Cell) -> nx.MultiDiGraph:
    """The live part of a cell, its inputs and its concat told apart: what `certificate` claims to identify."""
    graph = nx.MultiDiGraph()
    for state in [*range(cell.inputs), *sorted(cell.live)]:
        graph.add_node(state, role=state if state < cell.inputs else ("node", state in cell.concat))
    for state, _, edge in cell.edges():
        if state in cell.live:
            graph.add_edge(edge.source, state, op=edge.op)
    return graph


def isomorphic(one: Cell, other: Cell) -> bool:
    """What networkx says."""
    return nx.is_isomorphic(
        as_networkx(one),
        as_networkx(other),
        node_match=lambda a, b: a["role"] == b["role"],
        edge_match=nx.isomorphism.categorical_multiedge_match("op", None),
    )


def cell(*nodes: list[tuple[str, int]], concat: list[int]) -> Cell:
    """A cell of (op, from) pairs."""
    return Cell(nodes=tuple(tuple(Edge(op=op, source=s) for op, s in node) for node in nodes), concat=tuple(concat))


@settings(max_examples=300)
@given(data=st.data(), original=cells())
def test_order_numbering_and_dead_nodes_do_not_enter(data: st.DataObject, original: Cell) -> None:
    assert certificate(data.draw(renumbered(original))) == certificate(original)
    dead = (*original.nodes, (Edge(op="skip_connect", source=data.draw(st.integers(0, original.states - 1))),))
    assert certificate(Cell(nodes=dead, concat=original.concat)) == certificate(original)


@settings(max_examples=300)
@given(one=cells(max_nodes=4, max_edges=2, ops=("skip_connect", "conv_1x1")), data=st.data())
def test_agrees_with_networkx(one: Cell, data: st.DataObject) -> None:
    """Small cells of few operations, so that chance isomorphisms and near misses both occur."""
    changed = data.draw(st.sampled_from(["other", "edge", "concat"]))
    other = data.draw(cells(max_nodes=4, max_edges=2, ops=("skip_connect", "conv_1x1")))
    if changed == "edge":
        nodes = [list(node) for node in one.nodes]
        number = data.draw(st.integers(0, len(nodes) - 1))
        nodes[number][0] = Edge(op="conv_1x1", source=data.draw(st.integers(0, 1 + number)))
        other = data.draw(renumbered(Cell(nodes=tuple(map(tuple, nodes)), concat=one.concat)))
    elif changed == "concat":
        states = st.lists(st.integers(2, one.states - 1), min_size=1, unique=True)
        other = Cell(nodes=one.nodes, concat=tuple(data.draw(states)))
    assert (certificate(one) == certificate(other)) == isomorphic(one, other)


def test_a_state_used_twice_is_not_two_states_that_look_alike() -> None:
    """Colour refinement cannot tell these apart: only the first sums one node with itself."""
    twice = cell([("conv_1x1", 0)], [("conv_1x1", 0)], [("skip_connect", 2), ("skip_connect", 2)],
                 [("skip_connect", 3), ("skip_connect", 3)], concat=[4, 5])  # fmt: skip
    alike = cell([("conv_1x1", 0)], [("conv_1x1", 0)], [("skip_connect", 2), ("skip_connect", 3)],
                 [("skip_connect", 2), ("skip_connect", 3)], concat=[4, 5])  # fmt: skip
    assert certificate(twice) != certificate(alike)
    assert not isomorphic(twice, alike)


def test_two_rings_of_three_are_not_one_ring_of_six() -> None:
    """Every state looks the same in both: only breaking ties tells them apart."""

    def rings(*lengths: int) -> Cell:
        sources = [[("conv_1x1", 0)] for _ in range(sum(lengths))]
        sums, start = [], 2
        for length in lengths:
            ring = range(start, start + length)
            sums += [[("skip_connect", s), ("skip_connect", ring[(i + 1) % length])] for i, s in enumerate(ring)]
            start += length
        return cell(*sources, *sums, concat=list(range(8, 14)))

    assert certificate(rings(3, 3)) != certificate(rings(6))
    assert certificate(rings(3, 3)) == certificate(rings(3, 3))


def test_the_most_symmetric_cells_do_not_explode() -> None:
    """62 nodes in 31 equal chains have 31! symmetries; 64 equal nodes 64!."""
    chains = [[("conv_1x1", i % 2)] for i in range(31)], [[("conv_3x3", 2 + i)] for i in range(31)]
    certificate(cell(*chains[0], *chains[1], concat=list(range(2, 64))))
    certificate(cell(*([("conv_1x1", 0)] for _ in range(64)), concat=list(range(2, 66))))
    dense = [[("conv_1x1", 0)] for _ in range(20)] + [[("skip_connect", 2 + s) for s in range(20)] for _ in range(20)]
    certificate(cell(*dense, concat=list(range(22, 42))))


def zeros(*nodes: list[tuple[str, int]], concat: list[int]) -> str:
    return certificate(cell(*nodes, concat=concat))


NONE = [("none", 0)]


def test_a_zero_counts_where_it_widens_the_concat_or_is_made_something_of() -> None:
    conv = [("conv_1x1", 0)]
    assert zeros(conv, NONE, concat=[2, 3]) != zeros(conv, concat=[2])
    assert zeros(conv, NONE, concat=[2, 3]) != zeros(conv, NONE, NONE, concat=[2, 3, 4])
    assert zeros(conv, NONE, concat=[2, 3]) == zeros([("none", 1)], conv, concat=[2, 3])  # none of what is no matter
    assert zeros(conv, NONE, concat=[2]) == zeros(conv, concat=[2])
    assert zeros(NONE, [("conv_1x1", 0), ("conv_1x1", 2)], concat=[3]) != zeros(conv, concat=[2])


def test_skips_and_pools_of_a_zero_are_zero() -> None:
    conv = [("conv_1x1", 0)]
    added = [("conv_1x1", 0), ("skip_connect", 2), ("max_pool_3x3", 2)]
    assert zeros(NONE, added, concat=[3]) == zeros(conv, concat=[2])
    assert zeros(NONE, [("avg_pool_3x3", 2)], conv, concat=[3, 4]) == zeros(NONE, conv, concat=[2, 3])
    assert zeros(NONE, [("skip_connect", 2)], [("conv_1x1", 3)], concat=[4]) == zeros(
        NONE, [("conv_1x1", 2)], concat=[3]
    )


def test_one_zero_is_as_good_as_two() -> None:
    one = zeros(NONE, [("conv_1x1", 2)], [("conv_3x3", 2)], concat=[3, 4])
    assert one == zeros(NONE, NONE, [("conv_1x1", 2)], [("conv_3x3", 3)], concat=[4, 5])
    assert one != zeros(NONE, NONE, [("conv_1x1", 2)], [("conv_3x3", 3)], concat=[2, 4, 5])


@given(data=st.data(), original=cells(zeros=True))
def test_zeros_are_renumbered_too(data: st.DataObject, original: Cell) -> None:
    assert certificate(data.draw(renumbered(original))) == certificate(original)


@given(genotypes(weights=True))
def test_names_weights_and_metadata_do_not_enter(genotype: Genotype) -> None:
    bare = {
        kind: {**c.model_dump(), "nodes": [[{**e.model_dump(), "weight": None} for e in n] for n in c.nodes]}
        for kind, c in genotype.cells.items()
    }
    other = Genotype.model_validate({"name": "other", "cells": bare, "metadata": {"seed": 3}})
    assert other.hash == genotype.hash


@given(genotypes(max_nodes=3))
def test_swapping_the_cells_changes_the_identity(genotype: Genotype) -> None:
    normal, reduction = genotype.cells["normal"], genotype.cells["reduction"]
    swapped = Genotype(name="swapped", cells={"reduction": normal, "normal": reduction})
    assert (swapped.hash == genotype.hash) == isomorphic(normal, reduction)


def test_hash_is_stable_across_versions(darts_v2: Genotype) -> None:
    """The hash names things elsewhere: it may change with the format's version only."""
    assert darts_v2.hash == "c3a914539b6261add00406321e2bdcfb75ce881a7eb8f195334e44847d932095"
