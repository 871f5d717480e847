"""Fair DARTS against plain transcriptions: its loss and gradients, its rule, its settings, whole searches."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, l1_loss, mse_loss

from genocc.errors import ConfigError
from genocc.searchers.config import SearchConfig
from genocc.searchers.interface import CellSpace, Coefficients, DataShape
from genocc.searchers.methods.fair_darts import Sigmoid, Threshold, ZeroOne
from genocc.searchers.parts.derivation import derived_cell
from genocc.searchers.parts.relaxation import ArchitectureState
from genocc.searchers.parts.space import SpaceConfig
from genocc.searchers.parts.topology import AllEdges
from genocc.searchers.search import run_search
from genocc.searchers.supernet.net import SuperNet
from tests.reference_supernets import STANDARD, ReferenceSuperNet, load, pairs_of_parameters
from tests.searchers.small import assert_same, history, small
from tests.stopping import StopAt

SPACE = AllEdges().cell_space(SpaceConfig(name="darts-no-zero").operations)
SPACES = {"normal": SPACE, "reduction": SPACE}


class Fair(ReferenceSuperNet):
    """The super-net of DARTS with sigmoids."""

    def coefficients(self, kind: int) -> tuple[Tensor, Tensor]:
        op = 1 / (1 + torch.exp(-self.alphas[kind]))
        return op, torch.ones(14, dtype=op.dtype)


def numbers(op: Tensor) -> Coefficients:
    return Coefficients(torch.ones(len(op)), op, op)


def kept(rule: Threshold, op: Tensor, space: CellSpace = SPACE) -> set[tuple[int, int]]:
    return {(edge, k) for edge, k in rule.cell(space, numbers(op)).nonzero().tolist()}


@pytest.mark.parametrize("norm", ["l2", "l1"])
def test_the_architectures_loss_and_gradient_equal_the_transcription(norm: str) -> None:
    overrides = (
        "supernet.channels=4",
        "supernet.layers=3",
        "relaxation.alpha_noise=0.7",
        f"penalties.zero-one.norm={norm}",
    )
    net = SuperNet(SearchConfig.make("fair-darts", "quick", overrides), DataShape(10, 3, (8, 8))).double()
    reference = load(Fair(4, 3, 10, STANDARD[1:]).double(), net)
    generator = torch.Generator().manual_seed(5)
    images, labels = torch.randn(4, 3, 8, 8, generator=generator).double(), torch.tensor([1, 2, 3, 4])

    sigma = torch.cat([alpha.sigmoid() for alpha in reference.alphas])  # both kinds of cells at once
    assert sigma.numel() == 2 * 14 * 7
    distance = {"l2": mse_loss, "l1": l1_loss}[norm](sigma, torch.full_like(sigma, 0.5))
    expected = cross_entropy(reference(images), labels) - 10 * distance
    expected.backward()
    with net.training_only("architecture"):
        penalties = net.penalties()
        assert penalties.keys() == {"zero-one"}
        found = sum(penalties.values(), start=cross_entropy(net(images), labels))
        found.backward()
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)
    for theirs, ours in pairs_of_parameters(reference, net)[-2:]:
        assert theirs.grad is not None
        assert theirs.grad.abs().max() > 1e-4
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=0, atol=1e-10)


def test_operations_do_not_compete() -> None:
    """An alpha moves its own coefficient and no other."""
    parameters = Sigmoid(alpha_noise=0.5).build(SPACES, 0)
    (alpha,) = (p for name, p in parameters.named_parameters() if name.endswith("normal"))
    coefficients = parameters.coefficients(0.0)["normal"]
    torch.testing.assert_close(coefficients.op, 1 / (1 + (-alpha).exp()))
    (gradient,) = torch.autograd.grad(coefficients.op[3, 2], alpha)
    assert gradient.nonzero().tolist() == [[3, 2]]
    assert torch.equal(coefficients.edge, torch.ones(14))
    assert torch.equal(coefficients.importance, coefficients.op)


def test_the_search_begins_undecided() -> None:
    parameters = Sigmoid().build(SPACES, 3)
    assert all((found.op == 0.5).all() for found in parameters.coefficients(0.0).values())
    term = ZeroOne().build(SearchConfig.make("fair-darts"), SPACES, DataShape(10))
    assert term(ArchitectureState(parameters, 0.0)) == 0
    for parameter in parameters.parameters():
        nn.init.constant_(parameter, 30.0)
    assert term(ArchitectureState(parameters, 0.0)).item() == pytest.approx(-10 * 0.25)  # as decided as can be


def test_what_a_stage_dropped_does_not_count() -> None:
    """Two of the seven operations left: the mean is over those."""
    left = tuple((True, False, False, True, False, False, False) for _ in SPACE.edges)
    spaces = {"normal": CellSpace(2, 4, SPACE.edges, SPACE.operations, left)}
    parameters = Sigmoid(alpha_noise=2.0).build(spaces, 0)
    op = parameters.coefficients(0.0)["normal"].op
    assert (op[:, [1, 2, 4, 5, 6]] == 0).all()
    found = ZeroOne(factor=1.0).build(SearchConfig.make("fair-darts"), spaces, DataShape(10))
    expected = -((op[:, [0, 3]] - 0.5) ** 2).mean()
    torch.testing.assert_close(found(ArchitectureState(parameters, 0.0)), expected)


@given(st.integers(0, 10_000), st.sampled_from([0.5, 0.75, 0.85]))
def test_the_threshold_and_two_edges_as_the_program_has_them(seed: int, threshold: float) -> None:
    op = torch.rand(14, 7, generator=torch.Generator().manual_seed(seed))
    expected, start = set(), 0
    for predecessors in range(2, 6):
        strongest = op[start : start + predecessors].max(1)
        for edge in strongest.values.argsort(descending=True)[:2].tolist():
            if strongest.values[edge] >= threshold:
                expected.add((start + edge, int(strongest.indices[edge])))
        start += predecessors
    assert kept(Threshold(threshold=threshold), op) == expected


def test_a_coefficient_of_the_threshold_passes_and_one_below_does_not() -> None:
    op = torch.zeros(14, 7)
    op[0, 1], op[1, 2], op[2, 3] = 0.75, 0.875, 0.7499
    assert kept(Threshold(threshold=0.75), op) == {(0, 1), (1, 2)}
    assert kept(Threshold(), op) == {(1, 2)}


def test_a_node_below_the_threshold_is_zero_or_keeps_its_strongest() -> None:
    op = torch.full((14, 7), 0.1)
    op[0, 4] = 0.9  # node 2
    op[7, 2] = op[8, 5] = 0.6  # node 4
    assert kept(Threshold(), op) == {(0, 4)}
    cell = derived_cell(SPACE, Threshold().cell(SPACE, numbers(op)), numbers(op))
    assert [[(edge.op, edge.source) for edge in node] for node in cell.nodes] == [
        [("sep_conv_5x5", 0)], [("none", 0)], [("none", 0)], [("none", 0)]
    ]  # fmt: skip
    assert kept(Threshold(empty_nodes="strongest"), op) == {(0, 4), (2, 0), (7, 2), (9, 0)}


def test_the_programs_other_rule_has_two_operations_on_any_number_of_edges() -> None:
    op = torch.full((14, 7), 0.1)
    op[9:14, 1] = 0.95  # five edges into the last node
    op[9, 3], op[9, 6], op[10, 0] = 0.99, 0.9, 0.8
    rule = Threshold(edges_per_node=16, operations_per_edge=2)
    assert kept(rule, op) == {(9, 1), (9, 3), (10, 1), (11, 1), (12, 1), (13, 1)}
    assert kept(Threshold(), op) == {(9, 3), (10, 1)}


def test_the_settings_of_the_paper() -> None:
    c = SearchConfig.make("fair-darts")
    assert c.space.operations == STANDARD[1:]
    assert (c.schedule.epochs, c.schedule.batch_size, c.supernet.layers, c.supernet.channels) == (50, 128, 8, 16)
    assert (c.weights.learning_rate, c.weights.learning_rate_end, c.weights.weight_decay) == (0.005, 0.001, 3e-4)
    assert (c.architecture.learning_rate, c.architecture.betas) == (3e-3, (0.9, 0.999))
    zero_one = c.penalties["zero-one"]
    assert isinstance(zero_one, ZeroOne)
    assert (zero_one.factor, zero_one.norm) == (10, "l2")
    assert c.derivation == Threshold(threshold=0.85, edges_per_node=2, empty_nodes="zero")
    assert SearchConfig.make("fair-darts", "quick").derivation == Threshold(empty_nodes="strongest")


def test_none_among_sigmoids_is_refused() -> None:
    with pytest.raises(ConfigError, match="would take nothing from them; use a space without it"):
        SearchConfig.make("fair-darts", overrides=["space=darts"])


@pytest.mark.usefixtures("look_always")
def test_a_search_stopped_within_an_epoch_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    config = small("fair-darts", "space=ss1-no-zero", "derivation.threshold=0.5001")
    run_search(config, tmp_path / "whole", device="cpu")
    with pytest.raises(KeyboardInterrupt):
        run_search(config, tmp_path / "cut", device="cpu", progress=StopAt(2))
    run_search(config, tmp_path / "cut", resume=True, device="cpu")
    assert_same(tmp_path / "cut", tmp_path / "whole")
    last = history(tmp_path / "whole")[-1]
    assert last["architecture"]["zero-one"] < 0
    for kind in ("normal", "reduction"):
        passed = sum(sigma >= 0.5001 for row in last["coefficients"][kind]["op"] for sigma in row)
        assert 0 < sum(last["edges_per_node"][kind]) <= min(passed, 4)
