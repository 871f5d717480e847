"""What an epoch says about the architecture."""

import math

import pytest
import torch

from genocc.genotype import Cell, Edge, Genotype
from genocc.searchers.interface import CellSpace, Coefficients
from genocc.searchers.summary import architecture_numbers, entropy

SPACE = CellSpace(
    inputs=2,
    nodes=2,
    edges=((0, 2), (1, 2), (0, 3), (1, 3), (2, 3)),
    operations=("skip_connect", "max_pool_3x3", "sep_conv_3x3"),
)


def coefficients(op: torch.Tensor, edge: torch.Tensor | None = None) -> Coefficients:
    edge = torch.ones(5) if edge is None else edge
    return Coefficients(edge, op, edge[:, None] * op)


def test_entropy_of_even_coefficients_is_the_logarithm_of_their_number() -> None:
    expected = (math.log(2 * 3) + math.log(3 * 3)) / 2
    assert entropy(SPACE, coefficients(torch.full((5, 3), 1 / 3))) == pytest.approx(expected)
    assert entropy(SPACE, coefficients(torch.full((5, 3), 7.0))) == pytest.approx(expected)  # however they are scaled


def test_entropy_is_zero_when_every_node_has_one_operation_left() -> None:
    op = torch.zeros(5, 3)
    op[1, 2] = op[4, 0] = 1
    assert entropy(SPACE, coefficients(op)) == 0


def test_entropy_weighs_edges_too() -> None:
    """Node 2: shares 3/4 and 1/4 by the edges' weights; node 3: one edge with shares 1/2, 1/2."""
    op = torch.tensor([[1.0, 0, 0], [1, 0, 0], [0, 0.5, 0.5], [0, 1, 0], [0, 0, 1]])
    edge = torch.tensor([0.75, 0.25, 1.0, 0.0, 0.0])
    expected = (-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)) + math.log(2)) / 2
    assert entropy(SPACE, coefficients(op, edge)) == pytest.approx(expected)


def test_the_numbers_of_an_architecture() -> None:
    cell = Cell(
        nodes=(
            (Edge(op="skip_connect", **{"from": 0}), Edge(op="skip_connect", **{"from": 1})),
            (Edge(op="sep_conv_3x3", **{"from": 2}),),
        ),
        concat=(2, 3),
    )
    genotype = Genotype(name="found", cells={"normal": cell})
    found = coefficients(torch.full((5, 3), 0.123456789))
    numbers = architecture_numbers({"normal": SPACE}, {"normal": found}, genotype)
    assert numbers["edges_per_node"] == {"normal": [2, 1]}
    assert numbers["skip_connections"] == {"normal": 2}
    assert numbers["coefficients"]["normal"]["op"] == [[0.123457] * 3] * 5
    assert numbers["coefficients"]["normal"]["edge"] == [1.0] * 5
    assert numbers["coefficients"]["normal"]["edges"] == [[0, 2], [1, 2], [0, 3], [1, 3], [2, 3]]
    assert numbers["coefficients"]["normal"]["operations"] == ["skip_connect", "max_pool_3x3", "sep_conv_3x3"]
    assert Genotype.from_dict(numbers["genotype"]) == genotype
