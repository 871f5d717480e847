"""The super-cell by itself, against a sum over its edges, one after the other."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from genocc.searchers.arithmetic.factory import ModuleFactory
from genocc.searchers.arithmetic.features import CellState
from genocc.searchers.arithmetic.maps import fold, unfold
from genocc.searchers.interface import CellSpace
from genocc.searchers.parts.connection import WeightedSum
from genocc.searchers.parts.space import SpaceConfig
from genocc.searchers.parts.topology import AllEdges
from genocc.searchers.supernet.cell import SuperCell, Terms
from tests.searchers.computations import record_computations

OPERATIONS = ("none", "skip_connect", "max_pool_3x3", "sep_conv_3x3")
SPACE = AllEdges(nodes=3).cell_space(OPERATIONS)
DARTS = AllEdges().cell_space(SpaceConfig().operations)


def cell_of(
    space: CellSpace = SPACE,
    *,
    reduction: bool = False,
    older_is_larger: bool = False,
    size: int = 6,
    channels: int = 8,
    **connection: object,
) -> SuperCell:
    older = 2 * size if older_is_larger else size
    cell = SuperCell(
        space,
        WeightedSum(**connection),  # type: ignore[arg-type]
        ModuleFactory(0, "cells.0"),
        channels=channels,
        inputs=((12, older, older), (10, size, size)),
        reduction=reduction,
        older_is_larger=older_is_larger,
    )
    return cell.double()


def inputs(cell: SuperCell, size: int = 6, older: int = 6) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    return (
        torch.randn(4, 12, older, older, dtype=torch.float64, generator=generator),
        torch.randn(4, 10, size, size, dtype=torch.float64, generator=generator),
    )


def terms_of(space: CellSpace, share: float = 1.0) -> Terms:
    """Random coefficients; a share of the operations is live, and all of each node's first edge."""
    generator = torch.Generator().manual_seed(4)
    shape = (len(space.edges), len(space.operations))
    alive = torch.rand(shape, generator=generator) < share
    for target in range(space.inputs, space.inputs + space.nodes):
        alive[space.incoming(target)[0]] = True
    live = [(edge, k) for edge, k in alive.nonzero().tolist() if space.operations[k] != "none"]
    op = torch.rand(shape, generator=generator, dtype=torch.float64)
    return Terms(tuple(live), op, torch.ones(len(space.edges), dtype=torch.float64))


@pytest.mark.parametrize("share", [False, True])
@pytest.mark.parametrize(("reduction", "older_is_larger"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("live", [1.0, 0.4])
def test_a_node_is_the_weighted_sum_of_the_live_operations_on_its_edges(
    share: bool, reduction: bool, older_is_larger: bool, live: float
) -> None:
    cell = cell_of(reduction=reduction, older_is_larger=older_is_larger, share=share)
    terms, (older, newer) = terms_of(SPACE, live), inputs(cell, older=12 if older_is_larger else 6)
    cell.eval()  # so that running statistics stay what they are while operations are computed twice
    found = unfold(cell(CellState(fold(older, 8)), CellState(fold(newer, 8)), terms).map)
    states = [cell.pre0(CellState(fold(older, 8))).computed(), cell.pre1(CellState(fold(newer, 8))).computed()]
    for node in range(2, 5):
        total = 0
        for edge, k in terms.live:
            source, target = SPACE.edges[edge]
            if target == node:
                operation = cell.features[cell.keys[edge, k]]
                total = total + terms.op[edge, k] * operation(CellState(states[source])).computed()
        states.append(total)
    torch.testing.assert_close(found, unfold(torch.cat(states[2:], -1)))
    assert cell.shape == tuple(found.shape[1:]) == (24, 3 if reduction else 6, 3 if reduction else 6)


def test_what_is_not_live_is_not_computed() -> None:
    cell, terms = cell_of(), terms_of(SPACE, 0.3)
    calls: list[str] = []
    for key, module in cell.features.items():
        record_computations(module, lambda key=key: calls.append(key))
    older, newer = inputs(cell)
    cell(CellState(fold(older, 8)), CellState(fold(newer, 8)), terms)
    assert sorted(calls) == sorted({cell.keys[choice] for choice in terms.live})
    assert len(calls) < len(cell.features)


def test_operations_without_weights_are_shared_and_others_where_it_is_asked_for() -> None:
    own, shared = cell_of(DARTS), cell_of(DARTS, share=True)
    for edge, (source, target) in enumerate(DARTS.edges):
        for k, name in enumerate(DARTS.operations):
            if name == "none":
                assert (edge, k) not in own.keys
                continue
            assert own.keys[edge, k] == (f"{source}_{target}_{name}" if "conv" in name else f"{source}_{name}")
            assert shared.keys[edge, k] == f"{source}_{name}"
    assert set(shared.features) == {f"{i}_{name}" for i in range(5) for name in DARTS.operations[1:]}
    sizes = [sum(p.numel() for p in cell.parameters()) for cell in (shared, own)]
    assert sizes[0] < sizes[1] / 2


def test_the_inputs_of_a_reduction_have_stride_2_and_share_it() -> None:
    shared, own = cell_of(DARTS, reduction=True, share=True), cell_of(DARTS, reduction=True)
    assert len(shared.features) == 5 * 7
    skip = DARTS.operations.index("skip_connect")
    assert own.keys[0, skip] == "0_2_skip_connect", "a factorized reduce has weights"
    assert own.keys[DARTS.edges.index((2, 3)), skip] == "2_skip_connect", "an identity has none"


@pytest.mark.parametrize(("connection", "operated"), [({}, 8), ({"bottleneck": 4}, 2), ({"partial": 2}, 4)])
def test_operations_work_on_the_channels_that_the_connection_leaves(connection: dict[str, int], operated: int) -> None:
    cell = cell_of(**connection)
    assert WeightedSum(**connection).operated(8) == cell.channels.operated == operated  # type: ignore[arg-type]
    assert cell.features["0_2_sep_conv_3x3"].pw1.weight.shape[:2] == (operated, operated)
    older, newer = inputs(cell)
    width = operated
    assert cell(CellState(fold(older, width)), CellState(fold(newer, width)), terms_of(SPACE)).map.shape[-1] == 24


@pytest.mark.parametrize("reduction", [False, True])
def test_a_node_of_which_nothing_is_live_is_zero(reduction: bool) -> None:
    cell = cell_of(reduction=reduction)
    whole = terms_of(SPACE)
    live = tuple((edge, k) for edge, k in whole.live if SPACE.edges[edge][1] != 3)
    older, newer = inputs(cell)
    terms = Terms(live, whole.op, whole.edge)
    found = unfold(cell(CellState(fold(older, 8)), CellState(fold(newer, 8)), terms).map)
    assert found.shape[1:] == cell.shape
    assert (found[:, 8:16] == 0).all()
    assert (found[:, :8] != 0).any()
