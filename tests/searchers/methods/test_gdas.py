"""GDAS: draws against the paper's equations in numpy, their frequencies and gradients, and what a step computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from genocc.errors import ConfigError
from genocc.searchers.config import SearchConfig
from genocc.searchers.interface import CellSpace, DataShape, View
from genocc.searchers.methods.gdas import Gumbel, GumbelParameters
from genocc.searchers.parts import AllEdges, SpaceConfig, TopK
from genocc.searchers.parts.data import load_halves
from genocc.searchers.search import run_search
from genocc.searchers.stages import StagedBilevel
from genocc.searchers.supernet.cell import SuperCell
from genocc.searchers.supernet.net import SuperNet
from tests.searchers.computations import record_computations
from tests.searchers.small import history, small

Array = NDArray[np.float64]

SPACE = AllEdges().cell_space(SpaceConfig().operations)


def generator(seed: int = 5) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def gumbel(space: CellSpace = SPACE, scale: float = 1.0) -> GumbelParameters:
    """In float64, with alphas of that size."""
    made = Gumbel().build({"normal": space}, 0).double()
    with torch.no_grad():
        made.alpha["normal"].normal_(generator=generator(1)).mul_(scale)
    return made


def softmax(values: Array) -> Array:
    powers = np.exp(values - values.max())
    return powers / powers.sum()


def soft_rows(alpha: Array, tau: float) -> Array:
    """The soft h of each edge: softmax of (log Pr + o) / tau, with Pr the softmax of alpha and o of Gumbel(0, 1)."""
    uniform = torch.rand(alpha.shape, generator=generator(), dtype=torch.float64).numpy()
    o = -np.log(-np.log(uniform))
    return np.array([softmax((np.log(softmax(row)) + noise) / tau) for row, noise in zip(alpha, o, strict=True)])


@pytest.mark.parametrize("progress", [0.0, 0.5, 0.99])
def test_what_is_drawn_is_the_largest_of_the_soft_h_and_exactly_one(progress: float) -> None:
    made = gumbel()
    alpha = made.alpha["normal"].detach().numpy()
    tau = 10 + progress * (0.1 - 10)
    expected = soft_rows(alpha, tau).argmax(1)
    found = made.draw(progress, generator())["normal"]
    assert found.op.argmax(1).tolist() == expected.tolist()
    assert torch.equal(found.op, nn.functional.one_hot(torch.tensor(expected), 8).double()), "1 and 0 to the bit"
    assert torch.equal(found.alive, found.op != 0)
    np.testing.assert_allclose(found.importance.detach(), [softmax(row) for row in alpha], rtol=1e-12)
    assert (found.edge == 1).all()


def test_the_temperature_falls_linearly_from_10_to_a_tenth(tmp_path: Path) -> None:
    made = gumbel()
    assert [made.temperature(p) for p in (0.0, 0.5, 1.0)] == pytest.approx([10, 5.05, 0.1])
    assert made.numbers(0.5) == {"temperature": made.temperature(0.5)}
    run_search(small("gdas"), tmp_path, device="cpu")
    assert [line["temperature"] for line in history(tmp_path)] == pytest.approx([10, 5.05])


def test_operations_are_drawn_as_often_as_their_softmax_says_at_any_temperature() -> None:
    made, draws = gumbel(), 3000
    p = made.coefficients(0.0)["normal"].op.detach()
    counts = torch.zeros_like(p)
    source = generator()
    for number in range(draws):
        counts += made.draw(number / draws, source)["normal"].op.detach()
    deviation = (p * (1 - p) / draws).sqrt()
    assert ((counts / draws - p).abs() < 4.5 * deviation).all()
    assert (counts / draws - 1 / 8).abs().max() > 0.2, "not uniform: these alphas are large"


@pytest.mark.parametrize("progress", [0.0, 0.9])
def test_the_gradient_is_that_of_the_soft_h(progress: float) -> None:
    """Straight-through: dL/d alpha = sum over k of dL/dh_k h_k (delta - h) / tau, of the soft h."""
    made = gumbel()
    tau = 10 - 9.9 * progress
    upstream = torch.randn(14, 8, generator=generator(2), dtype=torch.float64)
    (made.draw(progress, generator())["normal"].op * upstream).sum().backward()
    h, v = soft_rows(made.alpha["normal"].detach().numpy(), tau), upstream.numpy()
    expected = h * (v - (h * v).sum(1, keepdims=True)) / tau
    found = made.alpha["normal"].grad
    assert found is not None
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-14)
    assert (found != 0).all(), "also what was not drawn gets some"


def net(*overrides: str) -> SuperNet:
    made = SuperNet(small("gdas", *overrides), DataShape(10, 3, (8, 8)))
    with torch.no_grad():
        for alpha in made.architecture_parameters():
            alpha.normal_(generator=generator(4))
    return made


def drawn(made: SuperNet, step: int) -> dict[str, Tensor]:
    with made.drawing(step):
        return {kind: found.op.detach() for kind, found in made.route().coefficients.items()}


def test_a_draw_depends_on_seed_and_step_alone() -> None:
    made, state = net(), torch.get_rng_state()
    first = drawn(made, 3)
    torch.manual_seed(99)
    with made.drawing(3):
        again, twice = made.route().coefficients, made.route().coefficients
    for kind, op in first.items():
        assert torch.equal(op, again[kind].op)
        assert torch.equal(op, twice[kind].op), "all passes of a step use one draw"
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    assert all(torch.equal(op, first[kind]) for kind, op in drawn(made, 3).items())
    torch.set_num_threads(threads)
    others = [drawn(made, step) for step in range(4, 12)]
    assert len({str([op.tolist() for op in found.values()]) for found in (first, *others)}) == 9
    assert any(not torch.equal(op, first[kind]) for kind, op in drawn(net("seed=1"), 3).items())
    torch.set_rng_state(state)


def test_what_is_compared_shown_and_kept_is_never_drawn() -> None:
    made = net()
    before = made.frozen()
    state = torch.get_rng_state()
    genotype = made.derive()
    with made.drawing(7):
        assert all(torch.equal(c.importance, before[kind].importance) for kind, c in made.frozen().items())
        assert all(torch.equal(c.op, before[kind].op) for kind, c in made.frozen().items())
        assert made.derive() == genotype
        made.penalties()
    assert torch.equal(torch.get_rng_state(), state)
    masks = TopK().select(made.spaces, before, None)
    assert all(torch.equal(mask, masks[kind]) for kind, mask in made.select().items())
    for kind, found in before.items():
        expected = [softmax(row) for row in made.relaxation.get_parameter(f"alpha.{kind}").detach().double().numpy()]
        np.testing.assert_allclose(found.importance, expected, rtol=1e-5)


def test_a_step_computes_what_it_has_drawn_and_nothing_else() -> None:
    made = net("supernet.layers=6", "topology.nodes=4")
    called: dict[int, set[str]] = {}
    for number, cell in enumerate(made.cells):
        assert isinstance(cell, SuperCell)
        called[number] = set()
        for key, feature in cell.features.items():
            record_computations(feature, lambda n=number, k=key: called[n].add(k))
    with made.drawing(2):
        route = made.route()
        made(torch.zeros(4, 3, 8, 8))
    assert set(route.views) == {View.MIXED}
    for number, cell in enumerate(made.cells):
        assert isinstance(cell, SuperCell)
        choice = route.coefficients[made.kinds[number]].op.argmax(1).tolist()
        wanted = {cell.keys[edge, k] for edge, k in enumerate(choice) if cell.space.operations[k] != "none"}
        assert called[number] == wanted, "the same draw in every cell of a kind"
        assert len(wanted) <= 14


@pytest.mark.parametrize("order", [1, 2])
def test_a_step_that_draws_none_everywhere_moves_no_alpha(order: int) -> None:
    config = small("gdas", f"schedule.order={order}")
    halves = load_halves(config.data, 8, 0, torch.device("cpu"))
    search = StagedBilevel(config, DataShape(10, 3, (8, 8)), halves.training, halves.validation)
    with torch.no_grad():
        for alpha in search.net.architecture_parameters():
            alpha[:, 0] = 1000.0
    assert search.net.spaces["normal"].operations[0] == "none"
    before = [alpha.detach().clone() for alpha in search.net.architecture_parameters()]
    search.begin_epoch(0)
    search.architecture_step()
    search.weight_step()
    for alpha, old in zip(search.net.architecture_parameters(), before, strict=True):
        assert torch.equal(alpha, old)
    assert search.finite_everywhere()


def test_operations_that_have_been_dropped_are_never_drawn() -> None:
    competing = tuple(tuple(k in (2, 5) for k in range(8)) for _ in SPACE.edges)
    space = CellSpace(SPACE.inputs, SPACE.nodes, SPACE.edges, SPACE.operations, competing)
    made = gumbel(space)
    mask = space.candidate_mask(torch.device("cpu"))
    for progress in (0.0, 1.0):
        found = made.draw(progress, generator())["normal"]
        assert found.op[mask].sum() == 14
        assert not found.alive[~mask].any()
        made.alpha["normal"].grad = None
        found.op.square().sum().backward()
        assert made.alpha["normal"].grad is not None
        assert torch.isfinite(made.alpha["normal"].grad).all()
        assert (made.alpha["normal"].grad[~mask] == 0).all()


def test_with_one_operation_there_is_nothing_to_draw_and_it_is_darts(tmp_path: Path) -> None:
    for method in ("gdas", "darts"):
        run_search(small(method, 'space=["sep_conv_3x3"]'), tmp_path / method, device="cpu")
    for drawn_line, line in zip(history(tmp_path / "gdas"), history(tmp_path / "darts"), strict=True):
        for what in ("weights", "architecture", "validation_accuracy", "child_accuracy", "edges_per_node"):
            assert drawn_line[what] == line[what]


def test_its_settings_are_the_papers() -> None:
    found = SearchConfig.make("gdas")
    assert (found.schedule.epochs, found.schedule.batch_size, found.supernet.channels, found.supernet.layers) == (
        250,
        64,
        16,
        8,
    )
    assert (found.relaxation.temperature, found.relaxation.temperature_end) == (10, 0.1)
    assert (found.weights.learning_rate, found.weights.learning_rate_end) == (0.025, 0.001)
    assert (found.weights.momentum, found.weights.weight_decay, found.weights.clip) == (0.9, 3e-4, 5)
    assert (found.architecture.learning_rate, found.architecture.weight_decay) == (3e-4, 1e-3)
    assert (found.derivation.name, found.derivation.edges_per_node, found.space.name) == ("top-k", 2, "darts")
    with pytest.raises(ConfigError, match=r"temperature_end=0\.1 above relaxation\.temperature=0\.05"):
        SearchConfig.make("gdas", overrides=["relaxation.temperature=0.05"])
