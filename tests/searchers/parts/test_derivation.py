"""Derivation: who is kept, against a plain search over the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from genocc.errors import ConfigError
from genocc.searchers import method as methods
from genocc.searchers import registry
from genocc.searchers.config import SearchConfig
from genocc.searchers.interface import CellSpace, Coefficients, DerivationContext, Masks
from genocc.searchers.method import Method
from genocc.searchers.parts.derivation import Argmax, Derivation, NonZero, TopK, derived_cell
from genocc.searchers.parts.space import SpaceConfig
from genocc.searchers.parts.topology import AllEdges, FixedEdges
from genocc.searchers.search import run_search
from tests.searchers.small import SMALL

SPACE = AllEdges().cell_space(SpaceConfig().operations)
NONE = SPACE.operations.index("none")


def coefficients(op: Tensor, importance: Tensor | None = None) -> Coefficients:
    return Coefficients(torch.ones(len(op)), op, op if importance is None else importance)


def kept(mask: Tensor) -> set[tuple[int, int]]:
    return {(edge, operation) for edge, operation in mask.nonzero().tolist()}


@given(st.integers(0, 10_000))
def test_top_two_as_darts_derives_them(seed: int) -> None:
    p = torch.rand(14, 8, generator=torch.Generator().manual_seed(seed))
    expected, start = set(), 0
    for predecessors in range(2, 6):  # the DARTS program, node by node
        rows = p[start : start + predecessors]
        best = [max(row[k].item() for k in range(8) if k != NONE) for row in rows]
        for edge in sorted(range(predecessors), key=lambda x: -best[x])[:2]:
            operation = max((k for k in range(8) if k != NONE), key=lambda k: rows[edge][k].item())
            expected.add((start + edge, operation))
        start += predecessors
    assert kept(TopK().cell(SPACE, coefficients(p))) == expected


def test_literal_top_two_may_keep_two_operations_of_one_edge() -> None:
    p = torch.full((14, 8), 0.1)
    p[2, 4] = p[2, 5] = 0.9  # edge 2 is the first of node 3
    literal = TopK(distinct_predecessors=False).cell(SPACE, coefficients(p))
    distinct = TopK().cell(SPACE, coefficients(p))
    assert {(2, 4), (2, 5)} <= kept(literal)
    assert kept(literal[2:5]) == {(0, 4), (0, 5)}
    assert kept(distinct[2:5]) == {(0, 4), (1, 1)}


@pytest.mark.parametrize("rule", [TopK(), Argmax()])
def test_none_never_wins_and_ties_go_to_the_first(rule: Derivation) -> None:
    p = torch.full((14, 8), 0.05)
    p[:, NONE] = 0.65
    chosen = kept(rule.cell(SPACE, coefficients(p)))
    assert {operation for _, operation in chosen} == {1}
    first_edges = {0, 1, 2, 3, 5, 6, 9, 10}
    assert {edge for edge, _ in chosen} == (first_edges if isinstance(rule, TopK) else set(range(14)))


def test_argmax_keeps_the_best_of_every_edge() -> None:
    space = FixedEdges().cell_space(SpaceConfig(name="ss3").operations)
    p = torch.rand(8, len(space.operations), generator=torch.Generator().manual_seed(1))
    p[:, 0] = 2.0
    found = Argmax().cell(space, coefficients(p))
    assert found.sum(1).tolist() == [1] * 8
    assert found.int().argmax(1).tolist() == (p[:, 1:].argmax(1) + 1).tolist()


def test_non_zero_keeps_exactly_what_is_left() -> None:
    space = AllEdges().cell_space(SpaceConfig(name="darts-no-zero").operations)
    op = torch.rand(14, 7).sub(0.6).relu()
    op[[0, 2, 5, 9], 3] = 0.5
    assert torch.equal(NonZero().cell(space, coefficients(op)), op > 0)


def test_what_is_cut_is_never_derived() -> None:
    space = AllEdges().cell_space(SpaceConfig(name="darts-no-zero").operations)
    op, importance = torch.zeros(14, 7), torch.rand(14, 7)
    op[[0, 3, 6, 13], 2] = 1.0
    mask = TopK().cell(space, coefficients(op, importance))
    assert kept(mask) == {(0, 2), (3, 2), (6, 2), (13, 2)}, "one edge a node, since no other is alive"


@pytest.mark.parametrize("count", [1, 2, 3])
def test_edges_per_node(count: int) -> None:
    mask = TopK(edges_per_node=count).cell(SPACE, coefficients(torch.rand(14, 8)))
    assert [int(mask[SPACE.incoming(node)].sum()) for node in range(2, 6)] == [min(count, node) for node in range(2, 6)]


def test_derived_cell_has_the_edges_with_their_importance() -> None:
    space = CellSpace(2, 2, ((0, 2), (1, 2), (0, 3), (2, 3)), ("skip_connect", "sep_conv_3x3"))
    mask = torch.tensor([[1, 1], [0, 0], [0, 1], [1, 0]], dtype=torch.bool)
    importance = torch.tensor([[0.5, 0.25], [0.0, 0.0], [0.0, 0.125], [1.0 + 1e-7, 0.0]])
    cell = derived_cell(space, mask, coefficients(importance))
    assert [(target, e.source, e.op, e.weight) for target, _, e in cell.edges()] == [
        (2, 0, "skip_connect", 0.5),
        (2, 0, "sep_conv_3x3", 0.25),
        (3, 0, "sep_conv_3x3", 0.125),
        (3, 2, "skip_connect", 1.0),
    ]
    assert cell.concat == (2, 3)


class WithoutIt(Derivation):
    """On a normal cell's first edge the operation without which fewest validation images are classified correctly."""

    name: Literal["without-it"] = "without-it"
    looks: ClassVar[bool] = True
    asked: ClassVar[list[float | None]] = []

    def select(
        self,
        spaces: Mapping[str, CellSpace],
        coefficients: Mapping[str, Coefficients],
        context: DerivationContext | None,
    ) -> Masks:
        self.asked.append(context and context.net.progress)
        found = {}
        for kind, space in spaces.items():
            mask = torch.zeros(len(space.edges), len(space.operations), dtype=torch.bool)
            for edge in range(len(space.edges)):
                real = [k for k, name in enumerate(space.operations) if name != "none"]
                looking = context if (kind, edge) == ("normal", 0) else None
                mask[edge, min(real, key=lambda k: self._accuracy(kind, edge, k, coefficients, looking))] = True
            found[kind] = mask
        return found

    def _accuracy(
        self, kind: str, edge: int, k: int, found: Mapping[str, Coefficients], context: DerivationContext | None
    ) -> float:
        if context is None:
            return float(found[kind].importance[edge, k])
        rest = torch.ones_like(found[kind].op, dtype=torch.bool)
        rest[edge, k] = False
        return context.accuracy(context.net.route(coefficients={**found, kind: found[kind].masked(rest)}))


class Looking(Method):
    """DARTS whose derivation looks at the net."""

    name = "looking"
    paper = "none"
    derivation = WithoutIt()


@pytest.fixture
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_BROUGHT", {})
    monkeypatch.setattr(methods, "_BROUGHT", {})
    monkeypatch.setattr(WithoutIt, "asked", [])


def test_a_derivation_looks_at_net_and_validation_images_after_each_epoch(
    forgotten: None, tmp_path: Path, look_always: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, accuracies = SearchConfig.make(Looking, "cifar", list(SMALL)), set()
    plain = WithoutIt._accuracy

    def kept(self: WithoutIt, kind: str, edge: int, k: int, found: Any, context: Any) -> float:
        accuracy = plain(self, kind, edge, k, found, context)
        assert context is None or context.validation.images is not None
        accuracies.add(accuracy)
        return accuracy

    monkeypatch.setattr(WithoutIt, "_accuracy", kept)
    result = run_search(config, tmp_path / "whole", device="cpu")
    assert set(WithoutIt.asked) == {0.0, 0.5}, "in neither epoch by a step, although each step is shown"
    assert len(accuracies) > 1, "what is left out makes a difference"
    assert all(len(node) == 2 + n for cell in result.genotype.cells.values() for n, node in enumerate(cell.nodes))


@pytest.mark.parametrize("overrides", [("placement=first",), ("schedule.ist=true",)])
def test_where_steps_derive_a_derivation_may_not_look(overrides: tuple[str, ...], forgotten: None) -> None:
    with pytest.raises(ConfigError, match="looks at the net and its validation images"):
        SearchConfig.make(Looking, "cifar", [*SMALL, *overrides])
