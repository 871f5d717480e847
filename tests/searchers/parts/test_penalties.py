"""The penalty on expected MACs, against the counts of single genotypes."""

from __future__ import annotations

import pytest
import torch

from genocc.counting import count
from genocc.genotype import Genotype
from genocc.network import NetworkConfig
from genocc.searchers.config import SearchConfig
from genocc.searchers.interface import CellSpace, Coefficients, DataShape
from genocc.searchers.parts.derivation import derived_cell
from genocc.searchers.parts.penalties import BudgetConfig, ExpectedMacsTerm, candidate_macs
from genocc.searchers.parts.relaxation import ArchitectureParameters, ArchitectureState
from genocc.searchers.parts.space import SpaceConfig
from genocc.searchers.parts.topology import AllEdges
from genocc.searchers.supernet.net import SuperNet

SPACE = AllEdges().cell_space(SpaceConfig().operations)
SPACES = {"normal": SPACE, "reduction": SPACE}
TARGET = NetworkConfig(channels=8, layers=5, input_size=(16, 16))


class Given(ArchitectureParameters):
    """Coefficients that are given."""

    def __init__(self, found: dict[str, Coefficients]) -> None:
        super().__init__()
        self.found = found

    def coefficients(self, progress: float) -> dict[str, Coefficients]:
        return self.found


def masks(seed: int) -> dict[str, torch.Tensor]:
    """Random ones that keep an edge at every node, and never `none`."""
    generator = torch.Generator().manual_seed(seed)
    found = {kind: torch.rand(14, 8, generator=generator) > 0.8 for kind in SPACES}
    for mask in found.values():
        mask[[0, 2, 5, 9], 4] = True
        mask[:, 0] = False
    return found


def genotype(kept: dict[str, torch.Tensor]) -> Genotype:
    numbers = Coefficients(torch.ones(14), torch.ones(14, 8), torch.ones(14, 8))
    return Genotype(name="kept", cells={kind: derived_cell(SPACE, mask, numbers) for kind, mask in kept.items()})


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_coefficients_of_one_cost_what_the_genotype_costs(seed: int) -> None:
    """Two genotypes differ in MACs by exactly the candidates in which they differ."""
    macs = candidate_macs(SPACES, TARGET)
    first, second = masks(seed), masks(seed + 10)
    expected = count(genotype(first), TARGET).total.macs - count(genotype(second), TARGET).total.macs
    found = sum((macs[kind] * (first[kind].float() - second[kind].float())).sum() for kind in SPACES)
    assert int(found) == expected


def test_the_penalty_is_coefficient_times_macs_over_the_budget() -> None:
    budget = BudgetConfig(max_macs=1_000_000, channels=8, layers=5)
    penalty = ExpectedMacsTerm(0.5, budget, SPACES, DataShape(10, 3, (16, 16)))
    macs = candidate_macs(SPACES, TARGET)
    edge = torch.rand(14, requires_grad=True)
    numbers = {kind: Coefficients(edge, torch.rand(14, 8), torch.zeros(14, 8)) for kind in SPACES}
    expected = sum((edge[:, None] * numbers[kind].op * macs[kind]).sum() for kind in SPACES) * 0.5 / 1e6
    state = ArchitectureState(Given(numbers), 0.0)
    torch.testing.assert_close(penalty(state), expected)
    penalty(state).backward()
    assert (edge.grad > 0).all()


def test_an_architecture_step_moves_alphas_away_from_costly_operations() -> None:
    overrides = ("supernet.channels=4", "supernet.layers=3", "budget.penalty_macs=1", "budget.max_macs=1000000")
    net = SuperNet(SearchConfig.make("darts", "quick", overrides), DataShape(10, 3, (8, 8)))
    assert set(net.penalties()) == {"macs"}
    net.penalties()["macs"].backward()
    gradient = net.relaxation.alpha["normal"].grad
    sep, skip = (SPACE.operations.index(name) for name in ("sep_conv_5x5", "skip_connect"))
    assert (gradient[:, sep] > 0).all(), "descending lowers them"
    assert (gradient[:, skip] < 0).all()


def test_dst_and_macs_are_two_terms() -> None:
    overrides = ("supernet.channels=8", "supernet.layers=3", "budget.penalty_macs=1", "budget.max_macs=1000000")
    net = SuperNet(SearchConfig.make("entrannas-dst", "quick", overrides), DataShape(10, 3, (8, 8)))
    assert set(net.penalties()) == {"sparsity", "macs"}
    plain = SuperNet(SearchConfig.make("darts", "quick", overrides[:2]), DataShape(10, 3, (8, 8)))
    assert plain.penalties() == {}


def test_a_space_of_one_cell_size() -> None:
    space = CellSpace(2, 1, ((0, 2), (1, 2)), ("none", "skip_connect", "conv_1x1"))
    macs = candidate_macs({"normal": space, "reduction": space}, NetworkConfig(channels=4, layers=3, input_size=(8, 8)))
    assert macs["normal"].tolist() == [[0, 0, 4 * 4 * 64]] * 2
    assert macs["reduction"].tolist() == [[0, 8 * 8 * 16 + 16 * 16 * 4, 8 * 8 * 16 + 16 * 16 * 4]] * 2
