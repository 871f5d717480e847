"""Cells of texts become cells of genotypes: missing nodes left out, the others renumbered, everything checked."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocc.errors import FormatError
from genocc.formats.cells import ForeignCell, ForeignEdge, brief, build
from genocc.formats.vocabulary import Vocabulary
from genocc.genotype import MAX_EDGES, MAX_NODES

A, B = ForeignEdge("conv_1x1", 0), ForeignEdge("skip_connect", 1, 0.5)


def built(cell: ForeignCell) -> tuple[dict[str, object], list[str]]:
    return build("normal", cell, Vocabulary().operation)


def refusal(cell: ForeignCell) -> str:
    with pytest.raises(FormatError) as caught:
        built(cell)
    assert str(caught.value).startswith("cell 'normal'")
    return str(caught.value).removeprefix("cell 'normal'")


def test_a_whole_cell_is_taken_as_it_is() -> None:
    cell, notes = built(ForeignCell({2: [A, B], 3: [ForeignEdge("conv_1x1", 2)]}, concat=[3, 2]))
    assert cell == {
        "inputs": 2,
        "nodes": [
            [{"op": "conv_1x1", "from": 0}, {"op": "skip_connect", "from": 1, "weight": 0.5}],
            [{"op": "conv_1x1", "from": 2}],
        ],
        "concat": [3, 2],
    }
    assert notes == []


SKIP = {"op": "skip_connect", "from": 2}


def test_a_node_without_edges_is_left_out_with_the_edges_that_leave_it() -> None:
    cell, notes = built(ForeignCell({2: [A], 4: [A, ForeignEdge("skip_connect", 3)], 5: [ForeignEdge("conv_1x1", 4)]}))
    assert cell["nodes"] == [
        [{"op": "conv_1x1", "from": 0}], [{"op": "conv_1x1", "from": 0}], [{"op": "conv_1x1", "from": 3}],
    ]  # fmt: skip
    assert cell["concat"] == [2, 3, 4]
    assert notes == [
        "cell 'normal', node 4, edge 2 of 2 ('skip_connect' from 3): comes from a node without edges: left out",
        "cell 'normal': node 3 without edges: left out, also from the concat; node 4 becomes 3; node 5 becomes 4",
    ]


NONE = ForeignEdge("none", 1)


def test_a_node_of_nothing_but_none_stays_as_zeros() -> None:
    cell, notes = built(ForeignCell({2: [NONE, NONE], 3: [A, ForeignEdge("skip_connect", 2)]}, concat=[2, 3]))
    assert (cell["nodes"], cell["concat"]) == (
        [[{"op": "none", "from": 1}], [{"op": "conv_1x1", "from": 0, "number": 2}, SKIP | {"number": 3}]],
        [2, 3],
    )
    assert notes == ["cell 'normal', node 2: nothing but none: a node of zeros, as in its program"]


def test_none_beside_other_edges_is_left_out_and_they_keep_their_numbers() -> None:
    cell, notes = built(ForeignCell({2: [A, NONE], 3: [NONE, A]}))
    conv = {"op": "conv_1x1", "from": 0}
    assert cell["nodes"] == [[conv | {"number": 0}], [conv | {"number": 3}]]
    assert notes == [
        "cell 'normal', node 2, edge 2 of 2 ('none' from 1): adds zero: left out",
        "cell 'normal', node 3, edge 1 of 2 ('none' from 1): adds zero: left out",
    ]


@pytest.mark.parametrize("last", [[NONE], [NONE, NONE]])
def test_numbers_that_nothing_shifts_are_left_out(last: list[ForeignEdge]) -> None:
    cell, _ = built(ForeignCell({2: [A, A], 3: [A, NONE], 4: last, 5: last}))
    assert cell["nodes"][:2] == [[{"op": "conv_1x1", "from": 0}] * 2, [{"op": "conv_1x1", "from": 0}]]  # type: ignore[index]


def test_a_zero_of_a_missing_node_is_a_zero_too() -> None:
    cell, _ = built(ForeignCell({2: [A], 4: [ForeignEdge("none", 3)], 5: [ForeignEdge("skip_connect", 3), NONE]}))
    assert cell["nodes"] == [[{"op": "conv_1x1", "from": 0}], [{"op": "none", "from": 0}], [{"op": "none", "from": 1}]]


@pytest.mark.parametrize("weight", [-0.1, 1.5, float("nan"), float("inf")])
def test_a_weight_out_of_range_is_left_out_and_its_edge_stays(weight: float) -> None:
    cell, (note,) = built(ForeignCell({2: [ForeignEdge("conv_1x1", 0, weight)]}))
    assert cell["nodes"] == [[{"op": "conv_1x1", "from": 0}]]
    assert note.endswith(f"the weight {weight!r} is not within 0 to 1: left out")


def test_remarks_of_the_dialect_are_notes_of_the_cell() -> None:
    assert built(ForeignCell({2: [A]}, notes=["read twice"]))[1] == ["cell 'normal': read twice"]


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (ForeignCell({}), ": it has no nodes; expected at least one"),
        (ForeignCell({1: [A]}), ": found node 1; expected nodes 2 to 65"),
        (ForeignCell({2 + MAX_NODES: [A]}), ": found node 66; expected nodes 2 to 65"),
        (ForeignCell({2: [A] * (MAX_EDGES + 1)}), ": 1,025 edges; expected at most 1,024"),
        (ForeignCell({2: [ForeignEdge("conv_1x1", 2)]}), ", node 2, edge 1 of 1 ('conv_1x1' from 2): not an earlier"),
        (ForeignCell({2: [ForeignEdge("x", 0)]}), ", node 2, edge 1 of 1 ('x' from 0): the operation has no counterp"),
        (ForeignCell({2: [A]}, concat=[1]), ": the concat names state 1, which is an input; expected nodes 2 to 2"),
        (ForeignCell({2: [A]}, concat=[3]), ": the concat names state 3, which is not in the text; expected nodes"),
        (ForeignCell({2: [A]}, concat=[2, 2]), ": the concat names node 2 twice; expected each node once"),
        (ForeignCell({2: [A], 3: []}, concat=[3]), ": no node of the concat has an edge; the cell has no output"),
    ],
)
def test_what_is_refused(cell: ForeignCell, message: str) -> None:
    assert refusal(cell).startswith(message)


@given(st.lists(st.lists(st.integers(0, 9), max_size=3), min_size=1, max_size=6))
def test_renumbering_keeps_every_edge_that_does_not_come_from_a_missing_node(sources: Sequence[Sequence[int]]) -> None:
    nodes = {2 + n: [ForeignEdge("conv_1x1", s % (2 + n)) for s in row] for n, row in enumerate(sources)}
    alive: list[int] = []  # by the definition: a node is there if an edge of it comes from an input or a node there
    for state, edges in nodes.items():
        if any(edge.source < 2 or edge.source in alive for edge in edges):
            alive.append(state)
    if not alive:
        assert "has no output" in refusal(ForeignCell(nodes))
        return
    cell, _ = built(ForeignCell(nodes))
    order = [0, 1, *alive]
    expected = [[order.index(edge.source) for edge in nodes[state] if edge.source in order] for state in alive]
    assert [[edge["from"] for edge in node] for node in cell["nodes"]] == expected  # type: ignore[attr-defined]
    assert cell["concat"] == list(range(2, 2 + len(alive)))


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "'a'"), ([1, 2], "[1, 2]"), ("x" * 100, f"'{'x' * 56}..."), (10**40, "an integer of over 30 digits")],
)
def test_values_in_messages_are_short(value: object, text: str) -> None:
    assert brief(value) == text
