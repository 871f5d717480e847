"""Coefficients against the papers' equations, computed again in numpy; and where their gradients are zero."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from genocc.errors import ConfigError
from genocc.searchers.config import SearchConfig
from genocc.searchers.interface import CellSpace, Coefficients, DataShape
from genocc.searchers.methods.gdas import Gumbel
from genocc.searchers.methods.random import Uniform
from genocc.searchers.parts.penalties import Sparsity
from genocc.searchers.parts.relaxation import ArchitectureState, Cen, Chain, ChainParameters, Softmax, sparsified
from genocc.searchers.parts.space import SpaceConfig
from genocc.searchers.parts.topology import AllEdges, FixedEdges

Array = NDArray[np.float64]

SPACE = AllEdges().cell_space(SpaceConfig().operations)
DENSE = AllEdges().cell_space(SpaceConfig(name="darts-no-zero").operations)
FIXED = FixedEdges(predecessors=((0, 1), (0, 2), (1, 3), (2, 4))).cell_space(SpaceConfig().operations)


def relaxation(
    space: CellSpace = SPACE, scale: float = 1.0, chain: type[Chain] = Softmax, **config: object
) -> ChainParameters:
    """In float64, with parameters of that size."""
    made = chain(**config).build({"normal": space}, 0).double()
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return made


def of(made: ChainParameters, progress: float = 0.0) -> Coefficients:
    return made.coefficients(progress)["normal"]


def alpha(made: ChainParameters) -> Array:
    return made.alpha["normal"].detach().numpy()


def softmax(values: Array) -> Array:
    powers = np.exp(values)
    return powers / powers.sum()


def assert_equal(found: Tensor, expected: Array) -> None:
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("space", [SPACE, FIXED], ids=["all", "fixed"])
def test_softmax_is_over_the_operations_of_an_edge(space: CellSpace) -> None:
    made = relaxation(space)
    assert_equal(of(made).op, np.array([softmax(row) for row in alpha(made)]))
    assert_equal(of(made).edge, np.ones(len(space.edges)))
    assert_equal(of(made).importance, of(made).op.detach().numpy())


def test_temperature_divides_and_is_annealed_over_the_whole_run() -> None:
    made = relaxation(temperature=5.0, temperature_ratio=0.923)
    assert_equal(of(made).op, np.array([softmax(row / 5) for row in alpha(made)]))
    assert made.temperature(0.5) == pytest.approx(5 * 0.923**25)
    assert_equal(of(made, 0.5).op, np.array([softmax(row / (5 * 0.923**25)) for row in alpha(made)]))
    assert made.temperature(1.0) == pytest.approx(5 * 0.923**50), "as after 50 epochs, however many there were"


def test_the_temperature_may_stop_falling() -> None:
    made = relaxation(temperature=1.0, temperature_ratio=0.923, temperature_floor=0.25)
    assert made.temperature(1 / 3) == pytest.approx(0.923 ** (50 / 3))
    assert made.temperature(0.5) == made.temperature(1.0) == 0.25
    assert_equal(of(made, 1.0).op, np.array([softmax(row / 0.25) for row in alpha(made)]))
    with pytest.raises(ConfigError, match="temperature_floor=2 above"):
        SearchConfig.make("darts", "quick", ["relaxation.temperature_floor=2"])


def test_cen_is_over_a_nodes_edges_for_each_operation() -> None:
    made = relaxation(chain=Cen)
    expected = np.zeros_like(alpha(made))
    for node in range(2, 6):
        rows = [edge for edge, (_, target) in enumerate(SPACE.edges) if target == node]
        for operation in range(len(SPACE.operations)):
            expected[rows, operation] = softmax(alpha(made)[rows, operation])
    assert_equal(of(made).op, expected)
    for node in range(2, 6):
        np.testing.assert_allclose(of(made).op[SPACE.incoming(node)].sum(0).detach(), 1, rtol=1e-12)


def test_attention_is_a_constant_inside_the_softmax() -> None:
    attention = {"sep_conv_3x3": 0.0006, "sep_conv_5x5": 0.0004, "dil_conv_5x5": -0.0006, "dil_conv_3x3": -0.0004}
    made = relaxation(FIXED, attention=attention)
    added = np.array([attention.get(name, 0.0) for name in FIXED.operations])
    assert_equal(of(made).op, np.array([softmax(row + added) for row in alpha(made)]))


def test_edge_normalization_is_a_softmax_over_a_nodes_edges() -> None:
    made = relaxation(edge_normalization=True)
    beta = made.edge_alpha["normal"].detach().numpy()
    expected = np.concatenate([softmax(beta[SPACE.incoming(node)]) for node in range(2, 6)])
    assert_equal(of(made).edge, expected)
    assert_equal(of(made).importance, expected[:, None] * of(made).op.detach().numpy())


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_dst_is_equations_7_to_9(scale: float) -> None:
    made = relaxation(DENSE, scale, dst=True, temperature=2.0)
    t = 1 / (1 + np.exp(-made.threshold["normal"].detach().numpy()))
    p = np.array([softmax(row / 2) for row in alpha(made)])
    p_hat, q_hat = np.zeros_like(p), np.zeros_like(p)
    for number, node in enumerate(range(2, 6)):
        rows = DENSE.incoming(node)
        p_hat[rows] = p[rows] / p[rows].max()  # Eq. 7
        for row in rows:
            q = np.maximum(p_hat[row] - t[number], 0)  # Eq. 8
            q_hat[row] = q / q.sum() if q.sum() > 0 else 0  # Eq. 9, and nothing for an edge without survivors
    np.testing.assert_allclose(of(made).op.detach(), q_hat, rtol=1e-9, atol=0)
    assert_equal(of(made).importance, p_hat)
    assert (q_hat == 0).any(), "the example cuts nothing"
    assert ((q_hat > 0).any(1) | (q_hat == 0).all(1)).all()


FIGURE_3 = torch.tensor(
    [[0.2, 0.1, 0.3, 0.15, 0.25], [0.25, 0.1, 0.4, 0.1, 0.15], [0.5, 0.15, 0.15, 0.1, 0.1]], dtype=torch.float64
)
"""EnTranNAS, Figure 3: three edges into one node, five operations."""


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        (0.7, [[0, 0, 0, 0, 0], [0, 0, 1, 0, 0], [1, 0, 0, 0, 0]]),
        (0.45, [[0, 0, 0.75, 0, 0.25], [0.125, 0, 0.875, 0, 0], [1, 0, 0, 0, 0]]),
    ],
)
def test_dst_worked_example(threshold: float, expected: list[list[float]]) -> None:
    space = CellSpace(3, 1, ((0, 3), (1, 3), (2, 3)), tuple("abcde"))
    found = sparsified(space, FIGURE_3 / FIGURE_3.max(), torch.tensor([threshold], dtype=torch.float64))
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0)
    assert torch.equal(found == 0, torch.tensor(expected) == 0), "what is cut is exactly zero"


def test_dst_keeps_everything_at_the_start_and_one_connection_at_the_end() -> None:
    made = Softmax(dst=True).build({"normal": DENSE}, 0)
    assert (of(made).op > 0).all(), "Appendix B: at the beginning all connections are active"
    with torch.no_grad():
        made.threshold["normal"].fill_(8.0)
        made.alpha["normal"].normal_()
    alive = of(made).op > 0
    for node in range(2, 6):
        assert alive[DENSE.incoming(node)].any(), "t < 1: the strongest connection of a node always survives"


def test_dst_gradients_are_zero_exactly_where_the_equations_say() -> None:
    space = CellSpace(3, 1, ((0, 3), (1, 3), (2, 3)), tuple("abcde"))
    p_hat = (FIGURE_3 / FIGURE_3.max()).requires_grad_()
    threshold = torch.tensor([0.45], dtype=torch.float64, requires_grad=True)
    weights = torch.arange(1.0, 16, dtype=torch.float64).view(3, 5)
    gradient, of_threshold = torch.autograd.grad(
        (sparsified(space, p_hat, threshold) * weights).sum(), (p_hat, threshold)
    )
    alive = torch.tensor([[0, 0, 1, 0, 1], [1, 0, 1, 0, 0], [0, 0, 0, 0, 0]], dtype=torch.bool)
    assert (gradient[~alive] == 0).all(), "cut operations, and the single survivor of the third edge"
    assert (gradient[alive] != 0).all()
    assert of_threshold.item() != 0


def test_dst_gradient_flows_through_the_maximum() -> None:
    made = relaxation(DENSE, 0.1, dst=True)
    rows = DENSE.incoming(3)
    largest = divmod(int(of(made).importance[rows].argmax()), len(DENSE.operations))
    others = [row for row in range(len(rows)) if row != largest[0]]
    (of(made).op[[rows[row] for row in others]] ** 2).sum().backward()
    gradient = made.alpha["normal"].grad
    assert gradient is not None
    assert gradient[rows[largest[0]], largest[1]] != 0, "it stands in the denominator of the other edges (Eq. 7)"


def test_sparsity_penalty_is_equation_11() -> None:
    config = SearchConfig.make("entrannas-dst", overrides=["relaxation.sparsity=0.2"])
    spaces = {"normal": DENSE, "reduction": DENSE}
    made = Softmax(dst=True).build(spaces, 0).double()
    term = config.penalties["sparsity"].build(config, spaces, DataShape(10))
    assert term is not None
    assert Sparsity().build(SearchConfig.make("darts"), spaces, DataShape(10)) is None, "no thresholds"
    with torch.no_grad():
        for parameter in made.threshold.values():
            parameter.normal_()
    t = [1 / (1 + np.exp(-beta.detach().numpy())) for beta in made.threshold.values()]
    assert term(ArchitectureState(made, 0.0)).item() == pytest.approx(0.2 * sum(np.mean(-np.log(x)) for x in t))
    term(ArchitectureState(made, 0.0)).backward()
    for beta in made.threshold.values():
        assert (beta.grad < 0).all(), "descending it raises the thresholds"


@pytest.mark.parametrize("space", [SPACE, FIXED], ids=["all", "fixed"])
@pytest.mark.parametrize("edge_normalization", [False, True])
def test_gradients_reach_all_parameters_of_a_softmax(space: CellSpace, edge_normalization: bool) -> None:
    made = relaxation(space, edge_normalization=edge_normalization)
    (of(made).edge[:, None] * of(made).op).pow(2).sum().backward()
    for parameter in made.parameters():
        assert (parameter.grad != 0).all()


def test_cen_gives_none_no_gradient() -> None:
    """`none` competes with itself only and multiplies zero, so a loss of the other operations never reaches it."""
    made = relaxation(chain=Cen)
    (of(made).op[:, 1:] ** 2).sum().backward()
    gradient = made.alpha["normal"].grad
    assert gradient is not None
    assert SPACE.operations[0] == "none"
    assert (gradient[:, 0] == 0).all()
    assert (gradient[:, 1:] != 0).all()


def test_alphas_start_as_small_noise_of_the_seed() -> None:
    first, same, other = (Softmax().build({"normal": SPACE}, seed) for seed in (1, 1, 2))
    assert torch.equal(first.alpha["normal"], same.alpha["normal"])
    assert not torch.equal(first.alpha["normal"], other.alpha["normal"])
    assert 5e-4 < first.alpha["normal"].std() < 2e-3


def test_a_relaxation_without_randomness_draws_its_coefficients() -> None:
    made = relaxation(edge_normalization=True, temperature=2.0, temperature_ratio=0.9)
    assert not made.random, "steps would ask it for a draw each"
    drawn = made.draw(0.5, torch.Generator())["normal"]
    assert torch.equal(drawn.op, of(made, 0.5).op)
    assert torch.equal(drawn.edge, of(made, 0.5).edge)
    state = ArchitectureState(made, 0.5)
    assert torch.equal(state.coefficients["normal"].op, drawn.op)
    assert state.coefficients is state.coefficients, "computed once, however many penalties look at it"


def test_only_thresholds_cut() -> None:
    made = Gumbel().build({"normal": SPACE}, 0)
    assert made.thresholds() == {}
    assert (Gumbel().cuts, Softmax().cuts, Softmax(dst=True).cuts) == (False, False, True)
    with pytest.raises(ConfigError, match="a relaxation that cuts nothing"):
        SearchConfig.make("gdas", overrides=["derivation=non-zero"])


def test_noise_that_a_relaxation_starts_with_is_the_one_it_was_given() -> None:
    assert Softmax(alpha_noise=0.5).initial_noise == 0.5
    assert Uniform().initial_noise is None
    made = Softmax(alpha_noise=0.5, edge_normalization=True, dst=True, threshold_start=-1.5).build({"normal": DENSE}, 3)
    assert 0.4 < made.alpha["normal"].std() < 0.6
    assert 0.2 < made.edge_alpha["normal"].std() < 0.9
    assert made.threshold["normal"].tolist() == [-1.5] * 4


def test_the_floor_of_the_temperature_may_be_its_start() -> None:
    made = relaxation(temperature=2.0, temperature_ratio=0.5, temperature_floor=2.0)
    assert {made.temperature(progress) for progress in (0.0, 0.5, 1.0)} == {2.0}


def test_what_the_history_says_of_a_relaxation() -> None:
    assert relaxation(temperature=3.0).numbers(0.0) == {"temperature": 3.0}
    assert Uniform().build({"normal": SPACE}, 0).numbers(0.0) == {}


def test_cen_needs_a_node_with_a_second_edge() -> None:
    with pytest.raises(ConfigError, match="competes with itself on the other edges of its node"):
        SearchConfig.make("darts", "nas-bench-201", ["relaxation=cen"])


@pytest.mark.parametrize("dst", [False, True])
def test_what_was_dropped_from_an_edge_has_no_share_there(dst: bool) -> None:
    """The rest share it as if the dropped operation had never been there (P-DARTS' stages)."""
    left = [[(edge + operation) % 3 > 0 for operation in range(7)] for edge in range(len(DENSE.edges))]
    space = replace(DENSE, candidates=tuple(map(tuple, left)))
    made = relaxation(space, dst=dst, threshold_start=-2.0)
    found = of(made).importance.detach().numpy()
    expected = np.array([softmax(np.where(keep, row, -np.inf)) for row, keep in zip(alpha(made), left, strict=True)])
    if dst:
        for node in range(2, 6):
            rows = DENSE.incoming(node)
            expected[rows] /= expected[rows].max()
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0)
    assert ((of(made).op > 0).numpy() <= np.array(left)).all()
