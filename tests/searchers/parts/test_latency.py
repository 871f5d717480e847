"""The penalty on expected latency, against the predictions of single genotypes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from genocc.errors import ConfigError
from genocc.latency.prediction import in_cell
from genocc.network import NetworkConfig
from genocc.searchers.config import SearchConfig
from genocc.searchers.interface import CellSpace, Coefficients, DataShape
from genocc.searchers.parts.latency import ExpectedLatency, candidate_latencies
from genocc.searchers.parts.relaxation import ArchitectureState
from tests.latency.synthetic import synthetic_profile
from tests.searchers.parts.test_penalties import Given

OPERATIONS = ("none", "max_pool_3x3", "skip_connect", "sep_conv_3x3")
EDGES = ((0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
SPACES = {kind: CellSpace(2, 2, EDGES, OPERATIONS) for kind in ("normal", "reduction")}
TARGET = NetworkConfig(channels=8, layers=5, input_size=(16, 16))
NORMAL, REDUCTION = [(8, 16, 16), (16, 8, 8), (32, 4, 4)], [(16, 16, 16), (32, 8, 8)]
"""States that the cells of a kind read."""


def test_candidates_cost_what_they_add_to_the_cells_of_their_kind() -> None:
    found = candidate_latencies(SPACES, TARGET, synthetic_profile())
    profile = synthetic_profile()
    stride_1 = sum(in_cell("sep_conv_3x3", state, 1, profile) for state in NORMAL)
    stride_2 = sum(in_cell("sep_conv_3x3", state, 2, profile) for state in REDUCTION)
    within = sum(in_cell("sep_conv_3x3", (c, h // 2, w // 2), 1, profile) for c, h, w in REDUCTION)
    assert found["normal"][:, 3].tolist() == pytest.approx([stride_1] * 5)
    assert found["reduction"][:, 3].tolist() == pytest.approx([stride_2] * 4 + [within])
    assert found["normal"][:, 0].tolist() == [0.0] * 5
    assert found["normal"][0, 1] > 0


def test_cells_of_one_input() -> None:
    spaces = {"normal": CellSpace(1, 1, ((0, 1),), ("none", "max_pool_3x3"))}
    target = NetworkConfig(skeleton="nas-bench-201", channels=8, layers=5, input_size=(16, 16))
    found = candidate_latencies(spaces, target, synthetic_profile())["normal"][0, 1]
    assert float(found) == pytest.approx(sum(in_cell("max_pool_3x3", s, 1, synthetic_profile()) for s in NORMAL))


@pytest.fixture
def cpu(tmp_path: Path) -> str:
    synthetic_profile().dump(tmp_path / "cpu.json")
    return str(tmp_path / "cpu.json")


def test_the_term_is_the_share_of_the_budget_and_falls_with_the_slow(cpu: str) -> None:
    settings = (f"budget.latency={cpu}", "budget.max_latency=0.001", "penalties.latency.factor=2")
    config = SearchConfig.make("darts", "quick", [*settings, "budget.channels=8", "budget.layers=5"])
    part = config.penalties["latency"]
    assert isinstance(part, ExpectedLatency)
    term = part.build(config, SPACES, DataShape(10, size=(16, 16)))
    assert term is not None
    op = torch.full((5, 4), 0.25, requires_grad=True)
    found = {kind: Coefficients(torch.ones(5), op, op) for kind in SPACES}
    value = term(ArchitectureState(Given(found), 0.0))
    costs = candidate_latencies(SPACES, TARGET, synthetic_profile())
    assert value.item() == pytest.approx(2 / 0.001 * 0.25 * float(sum(table.sum() for table in costs.values())))
    value.backward()
    assert op.grad is not None
    assert float(op.grad[0, 3]) > float(op.grad[0, 1]) > float(op.grad[0, 0]) == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["penalties.latency.factor=1"], "needs budget.max_latency"),
        (["budget.max_latency=0.005"], "needs budget.latency"),
        (["budget.max_latency=0"], "--max-latency"),
    ],
)
def test_settings_without_meaning_are_refused(settings: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SearchConfig.make("darts", "quick", settings)
