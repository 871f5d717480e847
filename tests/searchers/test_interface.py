"""The data that parts exchange."""

import torch

from genocc.searchers.interface import CellSpace, Coefficients


def test_incoming_edges_are_those_that_end_in_a_state_in_order() -> None:
    space = CellSpace(2, 2, ((0, 2), (1, 2), (0, 3), (2, 3)), ("none", "skip_connect"))
    assert [space.incoming(state) for state in range(4)] == [[], [], [0, 1], [2, 3]]


def test_detached_coefficients_are_equal_without_gradient_history() -> None:
    op = torch.rand(2, 3, requires_grad=True).softmax(1)
    edge = torch.rand(2, requires_grad=True).softmax(0)
    found = Coefficients(edge, op, edge[:, None] * op)
    fixed = found.detach()
    for name in ("edge", "op", "importance"):
        assert torch.equal(getattr(fixed, name), getattr(found, name))
        assert not getattr(fixed, name).requires_grad
        assert getattr(found, name).requires_grad
