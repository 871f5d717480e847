"""Searches for cells of NAS-Bench-201: its super-net against a transcription, every method, and a whole search."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional

import genocc
from genocc import formats, lower
from genocc.errors import ConfigError
from genocc.searchers.config import SearchConfig
from genocc.searchers.interface import Coefficients, DataShape
from genocc.searchers.method import methods
from genocc.searchers.parts import AllEdges, TopK
from genocc.searchers.sampling import Sampler
from genocc.searchers.supernet.net import SuperNet

PRESET = "nas-bench-201"
SHAPE = DataShape(10, 3, (8, 8))
SMALL = ("supernet.layers=5", "supernet.channels=8", "relaxation.alpha_noise=0.7")
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
OPERATIONS = ("none", "skip_connect", "conv_1x1", "conv_3x3", "avg_pool_3x3")
UNFIT = {"edarts": "is of cells with 2 inputs", "ec-darts": "competes with itself on the other edges of its node"}


def test_the_super_net_is_the_transcription() -> None:
    """One cell per stage, all BN by the batch. Behind pools there is BN, as in all super-nets here."""
    net = SuperNet(SearchConfig.make("darts", PRESET, SMALL), SHAPE).double().train()
    assert net.spaces["normal"].edges == EDGES
    assert net.spaces["normal"].operations == OPERATIONS
    tensors = dict(net.state_dict())
    images = torch.randn(6, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    def bn(x: Tensor, name: str = "") -> Tensor:
        return functional.batch_norm(
            x, None, None, tensors.get(f"{name}.weight"), tensors.get(f"{name}.bias"), training=True
        )

    def conv(x: Tensor, name: str, stride: int = 1) -> Tensor:
        weight = tensors[f"{name}.weight"]
        return functional.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)

    def cell(x: Tensor, number: int) -> Tensor:
        shares, states = tensors["relaxation.alpha.normal"].softmax(-1), [x, 0, 0, 0]
        for (source, target), share in zip(EDGES, shares, strict=True):
            state = states[source]
            pooled = functional.avg_pool2d(state, 3, stride=1, padding=1, count_include_pad=False)
            name = f"cells.{number}.features.{source}_{target}"
            convs = [bn(conv(state.relu(), f"{name}_{op}.conv")) for op in OPERATIONS[2:4]]
            states[target] += sum(s * y for s, y in zip(share[1:], [state, *convs, bn(pooled)], strict=True))
        return states[3]

    def block(x: Tensor, name: str) -> Tensor:
        y = bn(conv(x.relu(), f"{name}.conv1", 2), f"{name}.bn1")
        y = bn(conv(y.relu(), f"{name}.conv2"), f"{name}.bn2")
        return y + conv(functional.avg_pool2d(x, 2), f"{name}.shortcut")

    x = bn(conv(images, "stem.stem.conv"), "stem.stem.bn")
    x = block(cell(x, 0), "blocks.1.cells.1")
    x = cell(block(cell(x, 1), "blocks.2.cells.3"), 2)
    pooled = bn(x, "head.head.bn").relu().mean((2, 3))
    expected = functional.linear(
        pooled, tensors["head.classifier.linear.weight"], tensors["head.classifier.linear.bias"]
    )
    torch.testing.assert_close(net(images), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("method", sorted(set(methods()) - {*UNFIT, "random"}))
def test_a_method_searches_for_such_cells(method: str) -> None:
    config = SearchConfig.make(method, PRESET, SMALL[:2])
    net = SuperNet(config, SHAPE)
    loss = sum(net.penalties().values(), start=net(torch.randn(4, 3, 8, 8)).square().sum())
    loss.backward()
    assert all(parameter.grad is not None for parameter in net.architecture_parameters())
    genotype = net.derive()
    assert list(genotype.cells) == ["normal"]
    cell = genotype.cells["normal"]
    assert (cell.inputs, len(cell.nodes), cell.concat) == (1, 3, (3,))
    target = config.budget.target(classes=10, input_channels=3, input_size=(32, 32))
    assert (target.skeleton, target.channels, target.layers) == (PRESET, 16, 17)
    lower(genotype, target)
    assert formats.read(formats.DIALECTS[PRESET].write(genotype)).genotype.hash == genotype.hash


@pytest.mark.parametrize("method", UNFIT)
def test_others_say_why_not(method: str) -> None:
    with pytest.raises(ConfigError, match=UNFIT[method]):
        SearchConfig.make(method, PRESET)


def test_the_target_has_a_place_for_the_cells() -> None:
    with pytest.raises(ConfigError, match=r"budget.skeleton=cifar has no place for the cells of supernet.skeleton=nas"):
        SearchConfig.make("darts", PRESET, ["budget.skeleton=cifar"])
    with pytest.raises(ConfigError, match=r"budget.skeleton=nas-bench-201 has no place for the cells of supernet"):
        SearchConfig.make("darts", "cifar", ["budget.skeleton=nas-bench-201"])


def test_random_cells_within_a_budget() -> None:
    config = SearchConfig.make("random", PRESET, budget={"max_params": 600_000})
    sampler = Sampler(config, DataShape(10))
    drawn = [sampler.sample(number, "r")[0] for number in range(20)]
    assert len({genotype.hash for genotype in drawn}) > 5
    for genotype in drawn:
        total = genocc.count(genotype, sampler.target).total
        assert sampler.costs(genotype) == (total.macs, total.parameters)
        assert total.parameters <= 600_000


def test_none_wins_where_it_is_asked_to() -> None:
    space = AllEdges(nodes=3).cell_space(OPERATIONS, inputs=1)
    op = torch.full((6, 5), 0.1)
    for edge, winner in enumerate((3, 0, 1, 0, 0, 4)):
        op[edge, winner] = 0.6 - 0.01 * edge
    found = Coefficients(torch.ones(6), op, op)
    mask = TopK(edges_per_node=3, none=True).cell(space, found)
    assert mask.nonzero().tolist() == [[0, 3], [2, 1], [5, 4]]
    assert TopK(edges_per_node=3).cell(space, found).any(1).all()


def test_a_search_and_a_training_of_its_cell(tmp_path: Path) -> None:
    images = ["data.name=fake", "data.size=8"]
    few = ["schedule.epochs=1", "schedule.batch_size=16", "data.training=32", "data.validation=32"]
    searched = genocc.search(tmp_path / "s", method="gdas", preset=PRESET, overrides=[*SMALL[:2], *images, *few])
    assert (searched.target.skeleton, searched.target.layers) == (PRESET, 17)
    net = ["network.channels=4", "network.layers=5"]
    few = ["schedule.epochs=1", "schedule.batch_size=16", "data.training=32"]
    trained = genocc.train(tmp_path / "s", tmp_path / "t", preset=PRESET, overrides=[*net, *images, *few])
    assert trained.network.skeleton == PRESET
    found = genocc.compile(genocc.open(tmp_path / "t"), to="onnx", output=tmp_path / "net.onnx")
    assert found.verification
    assert found.verification.ok
