"""What a search has not decided: uniform coefficients, and choices within the noise that the alphas started with."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from genocc.searchers.decision import Contest, distance, is_uniform, node_contests, undecided
from genocc.searchers.interface import CellSpace
from genocc.searchers.methods.drnas import Dirichlet
from genocc.searchers.methods.fair_darts import Sigmoid, Threshold
from genocc.searchers.methods.gdas import Gumbel
from genocc.searchers.methods.p_darts import LimitedSkips
from genocc.searchers.methods.random import Uniform
from genocc.searchers.parts.derivation import Argmax, Derivation, NonZero, TopK
from genocc.searchers.parts.relaxation import ArchitectureParameters, Cen, Chain, ChainParameters, Relaxation, Softmax

OPERATIONS = ("none", "skip_connect", "max_pool_3x3", "sep_conv_3x3")
SPACE = CellSpace(2, 2, ((0, 2), (1, 2), (0, 3), (1, 3), (2, 3)), OPERATIONS)
NO_ZERO = CellSpace(2, 2, SPACE.edges, OPERATIONS[1:])
TOP2, ONE = TopK(), TopK(edges_per_node=1)
ARGMAX, LITERAL = Argmax(), TopK(distinct_predecessors=False)
NON_ZERO = NonZero()

SOFTMAX = Softmax()
CEN = Cen()
EDGES = Softmax(edge_normalization=True)
COLD = Softmax(temperature=0.25)
DST = Softmax(dst=True)
ATTENTION = Softmax(attention={"sep_conv_3x3": 6e-4, "max_pool_3x3": -4e-4})
CLEAR = [[0, 0.1, 1, 2.0], [0, 1.3, 0.2, 0.5], [0, 0.9, 0.3, 2.7], [0, 0.4, 1.6, 0.1], [0, 0.2, 0.6, 1.2]]
"""Alphas (E, K) far apart for every rule: within each edge, between edges, within each column."""


def relaxation(config: Chain, alpha: list[list[float]] | None = None) -> ChainParameters:
    space = NO_ZERO if config.dst else SPACE
    made = config.build({"normal": space}, seed=3)
    if alpha is not None:
        with torch.no_grad():
            made.alpha["normal"].copy_(torch.tensor(alpha)[:, len(OPERATIONS) - len(space.operations) :])
    return made


def found(made: ChainParameters, derivation: Derivation) -> list[str]:
    coefficients = made.coefficients(0.0)
    frozen = {kind: one.detach() for kind, one in coefficients.items()}
    masks = derivation.select(made.spaces, frozen, None)
    alphas = list(made.parameters())
    return undecided(made.spaces, coefficients, masks, alphas, derivation.within_edges, made.config.initial_noise)


@pytest.mark.parametrize("config", [SOFTMAX, CEN, EDGES, DST, ATTENTION])
def test_alphas_that_never_moved_are_a_genotype_of_noise(config: Chain) -> None:
    sentences = found(relaxation(config), NON_ZERO if config.dst else TOP2)
    assert sentences == ["normal cell: the coefficients are within 1% of uniform: the genotype is noise"]


@pytest.mark.parametrize("config", [SOFTMAX, CEN, EDGES, COLD, ATTENTION])
@pytest.mark.parametrize("rule", [TOP2, ONE, ARGMAX, LITERAL])
def test_clear_alphas_are_decided(config: Chain, rule: Derivation) -> None:
    assert found(relaxation(config, CLEAR), rule) == []
    assert found(relaxation(DST, CLEAR), NON_ZERO) == []


def test_what_none_holds_does_not_count() -> None:
    """The program of DARTS prefers `none` more and more; the rest may be even all the while."""
    alpha = [[5.0, 0, 0, 0]] * 5
    assert is_uniform(SPACE, relaxation(SOFTMAX, alpha).coefficients(0.0)["normal"].importance)
    assert len(found(relaxation(SOFTMAX, alpha), TOP2)) == 1


def test_one_percent_is_the_limit() -> None:
    shares = torch.full((5, 4), 0.25)
    for factor, expected in ((1.0110, True), (1.0118, False)):  # node 3 has nine candidates, whose mean rises too
        changed = shares.clone()
        changed[3, 2] *= factor
        assert is_uniform(SPACE, changed) is expected


def test_two_operations_of_an_edge_that_are_even_are_named_with_their_node() -> None:
    alpha = [list(row) for row in CLEAR]
    alpha[2][3] = 4.7
    alpha[2][2] = alpha[2][3] - 1e-3
    (sentence,) = found(relaxation(SOFTMAX, alpha), TOP2)
    assert sentence == (
        "normal cell, node 3: sep_conv_3x3 from 0 is ahead of max_pool_3x3 from 0 by 0.00071 of alpha, less than the "
        "noise that the alphas started with (0.001): the choice is undecided"
    )
    assert found(relaxation(SOFTMAX, alpha), ARGMAX) == [sentence]
    alpha[2][2] = alpha[2][3] - 2e-3  # sqrt(2) times the noise
    assert found(relaxation(SOFTMAX, alpha), TOP2) == []


def test_two_edges_that_are_even_are_undecided_if_only_one_of_them_is_kept() -> None:
    alpha = [list(row) for row in CLEAR]
    alpha[3], alpha[4] = [0, 0, 1, 0.0], [0, 0, 0, 1.0]
    (sentence,) = found(relaxation(SOFTMAX, alpha), TOP2)
    assert "node 3: max_pool_3x3 from 1 is ahead of sep_conv_3x3 from 2 by 0 of alpha" in sentence
    assert found(relaxation(SOFTMAX, alpha), ONE) == []
    assert found(relaxation(SOFTMAX, alpha), ARGMAX) == []


def test_cen_compares_across_edges() -> None:
    """Equal columns: each operation has the same share on both edges of node 2, whatever its alpha."""
    alpha = [list(row) for row in CLEAR]
    alpha[0] = alpha[1] = [0, 1, 2, 3.0]
    assert any("node 2" in sentence for sentence in found(relaxation(CEN, alpha), ONE))
    assert not any("node 2" in sentence for sentence in found(relaxation(SOFTMAX, alpha), TOP2))


def test_edge_weights_decide_between_edges_of_equal_operations() -> None:
    alpha = [list(row) for row in CLEAR]
    alpha[0] = alpha[1]
    made = relaxation(EDGES, alpha)
    assert any("node 2" in sentence for sentence in found(made, ONE))
    with torch.no_grad():
        made.edge_alpha["normal"][0] += 1
    assert found(made, ONE) == []


def test_dst_compares_the_weakest_survivor_with_the_strongest_that_is_cut() -> None:
    alpha = [list(row) for row in CLEAR]
    alpha[0], alpha[1] = [0, 0, 2, 0.0], [0, 0, 2 - 1e-3, 0]
    made = relaxation(DST, alpha)
    p_hat = made.coefficients(0.0)["normal"].importance.detach()
    with torch.no_grad():  # the threshold of node 2 comes between the two
        t = (p_hat[0, 1] + p_hat[1, 1]) / 2
        made.threshold["normal"][0] = torch.logit(t.double()).float()
    (sentence,) = found(made, NON_ZERO)
    assert "node 2: max_pool_3x3 from 0 is ahead of max_pool_3x3 from 1" in sentence


def test_one_hot_edges_between_which_a_tie_decides_are_undecided() -> None:
    """A cold softmax of clear alphas: all edges have a coefficient of 1, and the first win."""
    made = relaxation(Softmax(temperature=0.01), [[0, 0, 0, 3.0]] * 5)
    (sentence,) = found(made, TOP2)
    assert "node 3: sep_conv_3x3 from 1 is ahead of sep_conv_3x3 from 2 by 0 of alpha" in sentence


def test_without_noise_only_ties_are_left_and_they_are_no_choice_of_noise() -> None:
    made = relaxation(Softmax(alpha_noise=0.0), CLEAR)
    assert found(made, TOP2) == []


@pytest.mark.parametrize("config", [SOFTMAX, CEN, EDGES, COLD])
def test_noise_moves_a_distance_by_its_deviation(config: Chain) -> None:
    """Against sampled noise: the lead of one candidate over another, in units of its own deviation."""
    made, noise = relaxation(config, CLEAR), 1e-4
    contest = Contest((3, 2), (2, 1))

    def lead() -> Tensor:
        importance = made.coefficients(0.0)["normal"].importance.double()
        return importance[contest.kept].log() - importance[contest.dropped].log()

    expected = distance(made.coefficients(0.0)["normal"].importance, contest, list(made.parameters()))
    start, generator, leads = [p.detach().clone() for p in made.parameters()], torch.Generator().manual_seed(0), []
    made.double()
    with torch.no_grad():
        middle = abs(float(lead().detach()))
        for _ in range(1500):
            for parameter, value in zip(made.parameters(), start, strict=True):
                parameter.copy_(value + noise * torch.randn(value.shape, generator=generator))
            leads.append(lead())
    assert expected == pytest.approx(middle / float(torch.stack(leads).std()) * noise, rel=0.06)


def test_the_distance_between_two_operations_of_an_edge_is_that_of_their_alphas_over_the_root_of_two() -> None:
    for config in (SOFTMAX, COLD, DST):
        made = relaxation(config, CLEAR)
        k = 3 - len(OPERATIONS) + len(made.spaces["normal"].operations)
        importance = made.coefficients(0.0)["normal"].importance
        got = distance(importance, Contest((0, k), (0, k - 1)), list(made.parameters()))
        assert got == pytest.approx(1 / math.sqrt(2), rel=1e-4)


@pytest.mark.parametrize("config", [Gumbel(), Dirichlet(), Sigmoid(alpha_noise=1e-3)])
def test_every_relaxation_that_starts_as_noise_names_what_is_undecided(config: Relaxation) -> None:
    made: ArchitectureParameters = config.build({"normal": NO_ZERO}, seed=3)
    rule = Threshold(threshold=0.6) if isinstance(config, Sigmoid) else ARGMAX

    def sentences() -> list[str]:
        found = made.coefficients(0.0)
        masks = rule.select({"normal": NO_ZERO}, {"normal": found["normal"].detach()}, None)
        alphas = list(made.parameters())
        return undecided({"normal": NO_ZERO}, found, masks, alphas, rule.within_edges, config.initial_noise)

    assert config.initial_noise == 1e-3
    assert sentences() == ["normal cell: the coefficients are within 1% of uniform: the genotype is noise"]
    alpha = dict(made.named_parameters())["alpha.normal"]
    with torch.no_grad():
        alpha.copy_(torch.tensor(CLEAR)[:, 1:])
    assert sentences() == []
    with torch.no_grad():
        alpha[2, 1] = alpha[2, 2] - 1e-3
    (sentence,) = sentences()
    assert "node 3: sep_conv_3x3 from 0 is ahead of max_pool_3x3 from 0" in sentence


def test_a_relaxation_that_does_not_start_as_noise_has_none() -> None:
    assert Uniform().initial_noise is None


def test_what_a_stage_has_dropped_is_no_candidate() -> None:
    left = CellSpace(2, 2, SPACE.edges, OPERATIONS, ((True, True, False, True),) * 5)
    made = SOFTMAX.build({"normal": left}, seed=3)
    assert is_uniform(left, made.coefficients(0.0)["normal"].importance)


def test_a_skip_that_the_limit_has_removed_is_not_what_the_next_was_compared_with() -> None:
    """All edges prefer the skip; of the normal cell's, the two strongest stay, and sep_conv takes the others' place."""
    alpha = [[0, 2.0, 0.5, 1.0], [0, 2.5, 0.2, 1.2], [0, 3.0, 0.3, 0.9], [0, 1.5, 0.2, 1.4], [0, 0.1, 0.2, 0.6]]
    made, rule = relaxation(SOFTMAX, alpha), LimitedSkips()
    frozen = {"normal": made.coefficients(0.0)["normal"].detach()}
    mask = rule.select(made.spaces, frozen, None)["normal"]
    contests = list(node_contests(SPACE, frozen["normal"].importance, mask, rule.within_edges, 3))
    assert [contest.kept for contest in contests] == [(2, 1), (3, 3), (3, 3)]
    assert Contest((3, 3), (3, 1)) not in contests


def test_contests_of_each_rule() -> None:
    importance = torch.tensor([[0, 5, 4, 1], [0, 2, 6, 3], [0, 9, 1, 8], [0, 7, 2, 6], [0, 3, 4, 5]]) / 10
    kept = {name: torch.zeros(5, 4, dtype=torch.bool) for name in ("distinct", "literal")}
    for edge, k in ((2, 1), (3, 1)):
        kept["distinct"][edge, k] = True
    for edge, k in ((2, 1), (2, 3)):
        kept["literal"][edge, k] = True
    assert list(node_contests(SPACE, importance, kept["distinct"], True, 3)) == [
        Contest((2, 1), (2, 3)), Contest((3, 1), (3, 3)), Contest((3, 1), (4, 3)),
    ]  # fmt: skip
    assert list(node_contests(SPACE, importance, kept["literal"], False, 3)) == [Contest((2, 3), (3, 1))]
