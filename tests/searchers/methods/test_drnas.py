"""DrNAS: the Dirichlet draws, their pathwise gradients, the anchor's penalty, and the two stages."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from genocc.errors import ConfigError
from genocc.searchers.config import SearchConfig
from genocc.searchers.interface import CellSpace, DataShape
from genocc.searchers.methods.drnas import (
    Anchor,
    Dirichlet,
    DirichletParameters,
    ProgressiveChannels,
    dirichlet,
    divergence,
)
from genocc.searchers.parts import AllEdges, SpaceConfig, TopK
from genocc.searchers.parts.data import load_halves
from genocc.searchers.parts.relaxation import ArchitectureState
from genocc.searchers.search import run_search
from genocc.searchers.stages import StagedBilevel, Stages
from genocc.searchers.supernet.net import SuperNet
from tests.searchers.small import assert_same, history, small
from tests.stopping import StopAt

SPACE = AllEdges().cell_space(SpaceConfig(name="darts-no-zero").operations)
BETA = torch.tensor([0.3, 1.0, 2.5, 0.7, 1.4, 0.2, 3.0], dtype=torch.float64)


def generator(seed: int = 5) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def made_of(space: CellSpace = SPACE, scale: float = 1.0) -> DirichletParameters:
    """In float64, with alphas of that size."""
    made = Dirichlet().build({"normal": space}, 0).double()
    with torch.no_grad():
        made.alpha["normal"].normal_(generator=generator(1)).mul_(scale)
    return made


def only(*competing: int) -> CellSpace:
    """The space, of whose operations some compete on every edge."""
    mask = tuple(tuple(k in competing for k in range(7)) for _ in SPACE.edges)
    return CellSpace(SPACE.inputs, SPACE.nodes, SPACE.edges, SPACE.operations, mask)


def many(beta: Tensor, rows: int, competing: Tensor | None = None) -> Tensor:
    """As many independent draws of one distribution."""
    mask = torch.ones(len(beta), dtype=torch.bool) if competing is None else competing
    return dirichlet(beta.expand(rows, -1), mask.expand(rows, -1), generator())


def test_concentration_is_elu_plus_one_and_importance_the_mean() -> None:
    made = made_of(scale=2.0)
    alpha = made.alpha["normal"].detach().numpy()
    beta = np.where(alpha > 0, alpha, np.exp(alpha) - 1) + 1
    np.testing.assert_allclose(made.concentration("normal").detach(), beta, rtol=1e-12)
    found = made.coefficients(0.0)["normal"]
    for name in ("op", "importance"):
        np.testing.assert_allclose(getattr(found, name).detach(), beta / beta.sum(1, keepdims=True), rtol=1e-12)
    drawn = made.draw(0.0, generator())["normal"]
    assert torch.equal(drawn.importance, found.importance)
    assert not torch.allclose(drawn.op, found.op, atol=0.1)
    torch.testing.assert_close(drawn.op.sum(1), torch.ones(14, dtype=torch.float64))
    assert (drawn.op > 0).all()
    assert (found.edge == 1).all()


def test_extreme_alphas_do_not_stop_a_search() -> None:
    made = Dirichlet().build({"normal": SPACE}, 0)
    with torch.no_grad():
        made.alpha["normal"][0] = torch.tensor([-1e4, -90.0, -17.0, 0.0, 3.0, 50.0, 1e4])
        made.alpha["normal"][1] = -1e4
    op = made.draw(0.0, generator())["normal"].op
    assert torch.isfinite(op).all()
    torch.testing.assert_close(op.sum(1), torch.ones(14))
    op[:, 0].sum().backward()
    assert made.alpha["normal"].grad is not None
    assert torch.isfinite(made.alpha["normal"].grad).all()
    with torch.no_grad():
        made.alpha["normal"].fill_(math.nan)
    made.draw(0.0, generator())  # ends; the epoch's check of all tensors finds the NaN


@pytest.mark.parametrize("kept", [None, (1, 2, 5)])
def test_draws_have_mean_and_variance_of_the_distribution_of_what_competes(kept: tuple[int, ...] | None) -> None:
    """What the program does, a draw of all that is scaled to what is kept, has the same."""
    rows = 20_000
    mask = torch.ones(7, dtype=torch.bool) if kept is None else torch.isin(torch.arange(7), torch.tensor(kept))
    drawn = many(BETA, rows, mask)
    total = BETA[mask].sum()
    mean = torch.where(mask, BETA / total, torch.zeros(()).double())
    variance = mean * (1 - mean) / (total + 1)
    assert ((drawn.mean(0) - mean).abs() <= 4.5 * (variance / rows).sqrt()).all()
    torch.testing.assert_close(drawn.var(0), variance, rtol=0.06, atol=1e-12)
    assert (drawn[:, ~mask] == 0).all()
    whole = many(BETA, rows) * mask
    whole = whole / whole.sum(1, keepdim=True)
    torch.testing.assert_close(whole.mean(0), mean, rtol=0.05, atol=1e-12)
    torch.testing.assert_close(whole.var(0), variance, rtol=0.06, atol=1e-12)


def test_gradients_of_draws_are_those_of_the_expectation() -> None:
    """Pathwise: the mean of d f(x) / d beta is d E f(x) / d beta, taken as finite differences of the closed form."""
    rows, weights = 40_000, torch.tensor([1.0, -2.0, 0.5, 3.0, -1.0, 2.0, 0.3], dtype=torch.float64)

    def expected(beta: Tensor) -> Tensor:
        total = beta.sum()
        second = beta * (beta + 1) / (total * (total + 1))
        return (weights * beta).sum() / total + (weights * second).sum()

    beta = BETA.clone().requires_grad_()
    drawn = many(beta, rows)
    (drawn @ weights + drawn.square() @ weights).mean().backward()
    step = 1e-5
    eye = torch.eye(7, dtype=torch.float64) * step
    differences = torch.stack([(expected(BETA + e) - expected(BETA - e)) / (2 * step) for e in eye])
    assert beta.grad is not None
    torch.testing.assert_close(beta.grad, differences, rtol=0.05, atol=0.01)


def test_edges_with_other_numbers_of_candidates_are_drawn_together() -> None:
    mask = torch.tensor([[1, 1, 0], [1, 1, 1], [0, 0, 1], [0, 1, 1], [0, 0, 0]], dtype=torch.bool)
    beta = torch.ones(5, 3, requires_grad=True)
    drawn = dirichlet(beta, mask, generator())
    assert torch.equal(drawn > 0, mask)
    torch.testing.assert_close(drawn.sum(1), torch.tensor([1.0, 1, 1, 1, 0]))
    assert drawn[2, 2].item() == pytest.approx(1)
    drawn.square().sum().backward()
    assert beta.grad is not None
    assert torch.equal(beta.grad != 0, mask & (mask.sum(1, keepdim=True) > 1))


def net(*overrides: str) -> SuperNet:
    return SuperNet(small("drnas", *overrides), DataShape(10, 3, (8, 8)))


def test_a_draw_depends_on_seed_and_step_alone_and_nothing_else_draws() -> None:
    made = net()

    def drawn(step: int, of: SuperNet = made) -> Tensor:
        with of.drawing(step):
            return of.route().coefficients["normal"].op.detach()

    torch.manual_seed(0)
    state, first = torch.get_rng_state(), drawn(3)
    assert torch.equal(torch.get_rng_state(), state), "the run's own generator is left alone"
    torch.manual_seed(99)
    torch.rand(5)
    assert torch.equal(drawn(3), first)
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    assert torch.equal(drawn(3), first)
    torch.set_num_threads(threads)
    assert not torch.equal(drawn(4), first)
    assert not torch.equal(drawn(3, net("seed=1")), first)
    before, genotype, penalty = made.frozen(), made.derive(), made.penalties()["anchor"]
    with made.drawing(3):
        assert all(torch.equal(c.op, before[kind].op) for kind, c in made.frozen().items())
        assert made.derive() == genotype
        assert torch.equal(made.penalties()["anchor"], penalty)
    masks = TopK().select(made.spaces, before, None)
    assert all(torch.equal(mask, masks[kind]) for kind, mask in made.select().items())


def anchor(made: DirichletParameters, **settings: object) -> Tensor:
    term = Anchor(**settings).build(SearchConfig.make("drnas"), made.spaces, DataShape(10))
    assert term is not None
    value: Tensor = term(ArchitectureState(made, 0.0))
    return value


@pytest.mark.parametrize("space", [SPACE, only(0, 2, 6)], ids=["all", "three compete"])
def test_the_anchor_is_the_distance_of_the_concentrations_from_one(space: CellSpace) -> None:
    made = made_of(space)
    mask = space.candidate_mask(torch.device("cpu"))
    beta = made.concentration("normal").detach()
    assert anchor(made).item() == pytest.approx(1e-3 * ((beta - 1)[mask].numpy() ** 2).sum() / 2, rel=1e-12)
    rows = [row[keep] for row, keep in zip(beta, mask, strict=True)]
    kl = sum(
        torch.distributions.kl_divergence(
            torch.distributions.Dirichlet(row), torch.distributions.Dirichlet(torch.ones_like(row))
        )
        for row in rows
    )
    assert anchor(made, distance="kl", factor=0.5).item() == pytest.approx(0.5 * float(kl), rel=1e-9)
    anchor(made, distance="kl").backward()
    assert made.alpha["normal"].grad is not None
    assert torch.equal(made.alpha["normal"].grad != 0, mask)


def test_above_zero_the_anchors_gradient_is_the_programs_weight_decay() -> None:
    made = made_of()
    with torch.no_grad():
        made.alpha["normal"].abs_()
    anchor(made, factor=0.01).backward()
    torch.testing.assert_close(made.alpha["normal"].grad, 0.01 * made.alpha["normal"].detach())
    assert divergence(torch.ones(2, 7), torch.ones(2, 7, dtype=torch.bool)) == pytest.approx(0, abs=1e-6)


def test_the_anchor_is_for_dirichlet_distributions() -> None:
    spaces = {"normal": SPACE}
    assert Anchor().build(SearchConfig.make("darts"), spaces, DataShape(10)) is None
    assert Anchor(factor=0).build(SearchConfig.make("drnas"), spaces, DataShape(10)) is None
    assert set(net().penalties()) == {"anchor"}


def test_its_settings_are_the_papers() -> None:
    found = SearchConfig.make("drnas")
    assert (found.space.name, found.supernet.channels, found.supernet.layers) == ("darts-no-zero", 36, 20)
    assert (found.schedule.epochs, found.schedule.batch_size, found.connection.partial) == (50, 64, 6)
    assert (found.weights.learning_rate, found.weights.learning_rate_end) == (0.1, 0)
    assert (found.architecture.learning_rate, found.architecture.weight_decay) == (6e-4, 0)
    assert (found.penalties["anchor"].factor, found.penalties["anchor"].distance) == (1e-3, "l2")
    image = SearchConfig.make("drnas", "imagenet")
    assert (image.supernet.channels, image.supernet.layers, image.schedule.batch_size) == (48, 14, 512)
    assert (image.schedule.partial, image.data.training, image.data.validation) == ((3,), 0.1, 0.025)


def test_two_stages_of_25_epochs_each_with_10_of_warm_up_on_one_cosine() -> None:
    stages = Stages(SearchConfig.make("drnas"))
    assert [one.schedule.epochs for one in stages.configs] == [25, 25]
    assert [one.connection.partial for one in stages.configs] == [6, 4]
    names = [stages.schedule(e)[0].phases(stages.schedule(e)[1], 3, 3)[0].name for e in range(50)]
    assert names == [*["warm-up"] * 10, *["search"] * 15, *["warm-up"] * 10, *["search"] * 15]
    assert [stages.span(number) for number in (0, 1)] == [(0, 50), (0, 50)]
    three = ProgressiveChannels(epochs=10, partial=(4, 2), operations=(5, 3)).stages(SearchConfig.make("drnas"))
    assert [(stage.epochs, stage.settings) for stage in three] == [
        (3, {}), (3, {"connection": {"partial": 4}}), (4, {"connection": {"partial": 2}})
    ]  # fmt: skip
    one = ProgressiveChannels(partial=(), operations=()).stages(SearchConfig.make("drnas"))
    assert [stage.epochs for stage in one] == [50]


def test_the_strongest_four_of_each_edge_go_on_among_those_that_compete() -> None:
    made = made_of()
    coefficients = {kind: found.detach() for kind, found in made.coefficients(0.0).items()}
    kept = ProgressiveChannels().candidates(1, {"normal": SPACE}, coefficients)["normal"]
    for row, mask in zip(made.alpha["normal"].tolist(), kept, strict=True):
        assert set(mask.nonzero().flatten().tolist()) == set(sorted(range(7), key=lambda k: -row[k])[:4])
    fewer = only(0, 3)
    made = made_of(fewer)
    coefficients = {kind: found.detach() for kind, found in made.coefficients(0.0).items()}
    kept = ProgressiveChannels().candidates(1, {"normal": fewer}, coefficients)["normal"]
    assert torch.equal(kept, fewer.candidate_mask(torch.device("cpu"))), "what was dropped does not come back"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drnas") / "whole"
    run_search(small("drnas", "schedule.epochs=4"), folder, device="cpu")
    return folder


def test_a_search_prunes_widens_and_goes_on(whole: Path) -> None:
    lines = history(whole)
    rates = [line["learning_rates"]["weights"] for line in lines]
    assert rates == pytest.approx([0.1 * (1 + math.cos(math.pi * epoch / 4)) / 2 for epoch in range(4)])
    before, after = (torch.tensor(lines[n]["coefficients"]["normal"]["importance"]) for n in (1, 2))
    assert torch.equal((after > 0).sum(1), torch.full((5,), 2))
    strongest = before.argsort(dim=1, descending=True)[:, :2]
    assert (after.gather(1, strongest) > 0).all()
    assert lines[0]["architecture"]["anchor"] > 0


@pytest.mark.usefixtures("look_always")
@pytest.mark.parametrize("step", [4, 6, 8])
def test_a_search_that_was_stopped_in_either_stage_goes_on_exactly(step: int, whole: Path, tmp_path: Path) -> None:
    config = small("drnas", "schedule.epochs=4")
    with pytest.raises(KeyboardInterrupt):
        run_search(config, tmp_path, device="cpu", progress=StopAt(step))
    run_search(config, tmp_path, resume=True, device="cpu")
    assert_same(tmp_path, whole)


def test_weights_and_momenta_go_on_into_the_second_stage() -> None:
    config = small("drnas")
    halves = load_halves(config.data, 8, 0, torch.device("cpu"))
    search = StagedBilevel(config, DataShape(10, 3, (8, 8)), halves.training, halves.validation)
    search.begin_epoch(0)
    for _ in range(2):
        search.architecture_step()
        search.weight_step()
    before, optimizers = search.net, (search.weights_optimizer, search.architecture_optimizer)
    search.begin_epoch(1)
    assert search.net is not before
    assert search.net.progress == 0.5
    old, new = before.weight_state(), search.net.weight_state()
    grown = 0
    for name, value in new.items():
        earlier = old[name]
        assert torch.equal(value[tuple(slice(size) for size in earlier.shape)], earlier), name
        grown += value.shape != earlier.shape
    assert grown > 10
    assert torch.equal(
        before.relaxation.get_parameter("alpha.normal"), search.net.relaxation.get_parameter("alpha.normal")
    )
    first, last = dict(before.named_parameters()), dict(search.net.named_parameters())
    for was, now in zip(optimizers, (search.weights_optimizer, search.architecture_optimizer), strict=True):
        held = {name: now.state[parameter] for name, parameter in last.items() if parameter in now.state}
        assert {name for name in last if first[name] in was.state} == set(held)
        for name, state in held.items():
            for key, value in was.state[first[name]].items():
                assert torch.equal(state[key][tuple(slice(size) for size in value.shape)], value), (name, key)
    search.architecture_step()
    search.weight_step()
    assert search.finite_everywhere()


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (["schedule.partial=[4,2]"], "schedule.partial has 2 stages, schedule.operations 1"),
        (["schedule.partial=[5]"], "schedule.partial=5 does not fit supernet.channels=36; choose a multiple of 5"),
        (["connection.partial=5"], "connection.partial=5 does not fit supernet.channels=36"),
        (["schedule.partial=[0]"], "schedule.partial"),
    ],
)
def test_what_has_no_meaning_is_refused(overrides: list[str], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        SearchConfig.make("drnas", overrides=overrides)
