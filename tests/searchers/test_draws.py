"""Random relaxations: one draw per step, decided by seed and step number; whoever only looks does not draw."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Generator

from genocc.searchers import method as methods
from genocc.searchers import registry
from genocc.searchers.config import SearchConfig
from genocc.searchers.interface import Coefficients, DataShape, View
from genocc.searchers.search import run_search
from genocc.searchers.supernet.net import SuperNet
from tests.sample_data import ROOT
from tests.searchers.small import SMALL, assert_same
from tests.stopping import StopAt

SOURCE = ROOT / "tests" / "packages" / "genocc-example" / "genocc_example.py"


@pytest.fixture(scope="module")
def package() -> Iterator[Any]:
    spec = importlib.util.spec_from_file_location("genocc_example", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        yield module


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "_BROUGHT", {})
    monkeypatch.setattr(methods, "_BROUGHT", {})
    return


def net_of(package: Any, *overrides: str) -> SuperNet:
    config = SearchConfig.make(package.Hard, "cifar", [*SMALL, "relaxation.noise=0.5", *overrides])
    return SuperNet(config, DataShape(10, 3, (8, 8)))


def drawn(found: Mapping[str, Coefficients]) -> torch.Tensor:
    return torch.cat([of.alive.flatten() for of in found.values()])


def test_a_step_has_one_draw_and_every_step_its_own(package: Any) -> None:
    net = net_of(package)
    seen = []
    for step in (0, 1, 2, 0):
        with net.drawing(step):
            first, again = net.route().coefficients, net.route().coefficients
        assert torch.equal(drawn(first), drawn(again)), "passes of one step"
        assert all((of.alive.sum(1) == 1).all() for of in first.values())
        seen.append(drawn(first))
    assert torch.equal(seen[0], seen[3])
    assert not torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0], drawn(_with_seed(package, 1)))


def _with_seed(package: Any, seed: int) -> Mapping[str, Coefficients]:
    net = net_of(package, f"seed={seed}")
    with net.drawing(0):
        return net.route().coefficients


def test_a_draw_does_not_depend_on_the_number_of_threads(package: Any) -> None:
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(drawn(_with_seed(package, 0)))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_only_what_is_drawn_is_computed_and_gets_gradients(package: Any) -> None:
    net = net_of(package, "supernet.layers=3")
    images = torch.randn(2, 3, 8, 8)
    with net.drawing(4):
        alive = net.route().coefficients
        net(images).sum().backward()
    for cell, kind in zip(net.cells, net.kinds, strict=True):
        keys = {cell.keys[e, k] for e, k in alive[kind].alive.nonzero().tolist() if (e, k) in cell.keys}
        for key, feature in cell.features.items():
            for parameter in feature.parameters():
                assert (parameter.grad is None) is (key not in keys)


def test_whoever_looks_does_not_draw(package: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    net = net_of(package, "placement=first")
    net.eval()

    def never(self: Any, progress: float, generator: Generator) -> Any:
        raise AssertionError("drawn")

    monkeypatch.setattr(package.OneOfParameters, "draw", never)
    net.select(), net.derive(), net.frozen(), net.penalties(), net(torch.randn(2, 3, 8, 8))
    with net.drawing(0):
        net.select(), net.derive(), net.route(View.DERIVED)
        with pytest.raises(AssertionError, match="drawn"):
            net.route()
    monkeypatch.undo()
    with net.drawing(0):
        route = net.route()
    assert all(torch.equal(route.masks[kind], mask) for kind, mask in net.select().items()), "transit cells: the mean"


@pytest.mark.parametrize("overrides", [(), ("schedule.order=2",), ("placement=first", "schedule.ist=true")])
def test_a_stopped_search_goes_on_exactly(
    overrides: tuple[str, ...], package: Any, tmp_path: Path, look_always: None
) -> None:
    config = SearchConfig.make(package.Hard, "cifar", [*SMALL, *overrides])
    run_search(config, tmp_path / "whole", device="cpu")
    with pytest.raises(KeyboardInterrupt):
        run_search(config, tmp_path / "run", device="cpu", progress=StopAt(4))
    run_search(config, tmp_path / "run", device="cpu", resume=True)
    assert_same(tmp_path / "run", tmp_path / "whole")
