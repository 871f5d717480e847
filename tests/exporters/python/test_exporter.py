"""The Python target: every source computes what the graph does, under the graph's names."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from genocc import Cell, Edge, Genotype, NetworkConfig, checkpoints, lower, zoo
from genocc.compiler import compile
from genocc.errors import NetworkError, TargetError
from genocc.exporters.python.exporter import PythonExporter, source
from genocc.nn.checkpoints import import_weights
from genocc.nn.target_net import TargetNet
from genocc.primitives import DropPath
from genocc.weights import save
from tests import sample_data
from tests.exporters.python.python_files import SMALL, TINY, check, run, tensor_names
from tests.strategies import genotypes, networks


@pytest.mark.parametrize("skeleton", SMALL)
@pytest.mark.parametrize("name", zoo.names())
def test_every_zoo_genotype(name: str, skeleton: str) -> None:
    genotype = zoo.load(name)
    try:
        lower(genotype, SMALL[skeleton])
    except NetworkError:
        with pytest.raises(NetworkError, match="no place"):
            source(genotype, SMALL[skeleton])
        return
    check(genotype, SMALL[skeleton])


@settings(max_examples=25)
@given(genotypes(zeros=True), networks(), st.integers(0, 2**16))
def test_random_genotypes(genotype: Genotype, config: NetworkConfig, seed: int) -> None:
    check(genotype, config, seed)


@pytest.mark.full
@settings(max_examples=1000)
@given(genotypes(zeros=True), networks(), st.integers(0, 2**16))
def test_random_genotypes_in_numbers(genotype: Genotype, config: NetworkConfig, seed: int) -> None:
    check(genotype, config, seed)


@pytest.mark.parametrize("auxiliary_bn", [False, True])
@pytest.mark.parametrize("skeleton", SMALL)
def test_auxiliary_head_with_and_without_bn(darts_v2: Genotype, skeleton: str, auxiliary_bn: bool) -> None:
    config = SMALL[skeleton].model_copy(update={"auxiliary_bn": auxiliary_bn})
    check(darts_v2, config)
    assert ("auxiliary.bn2.weight" in tensor_names(run(source(darts_v2, config)).Network())) == auxiliary_bn


def test_odd_numbers_of_channels() -> None:
    edges = tuple(Edge(op=op, source=0) for op in ("dil_conv_3x3", "max_pool_3x3", "conv_1x5_5x1"))
    cell = Cell(nodes=(edges,), concat=(2,))
    genotype = Genotype(name="odd", cells={"normal": cell, "reduction": cell})
    check(genotype, NetworkConfig(channels=3, layers=1, classes=2, input_size=(9, 6)))


def test_it_is_the_target_net(darts_v2: Genotype) -> None:
    module, reference = run(source(darts_v2, SMALL["cifar"])), TargetNet(darts_v2, SMALL["cifar"])
    net = module.Network()
    shapes = {name: tensor.shape for name, tensor in net.state_dict().items() if name in tensor_names(net)}
    assert shapes == {name: tensor.shape for name, tensor in reference.state_dict().items()}
    module.load_weights(net, reference.state_dict())
    image = torch.randn(2, 3, *SMALL["cifar"].input_size)
    torch.testing.assert_close(net.eval()(image), reference.eval()(image), rtol=1e-5, atol=1e-6)


def test_a_new_net_has_the_default_initialization(darts_v2: Genotype) -> None:
    net = run(source(darts_v2, TINY)).Network()
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            bound = module.weight[0].numel() ** -0.5
            assert 0.5 * bound < module.weight.abs().max() <= bound


@settings(max_examples=10)
@given(genotypes(max_nodes=4, max_edges=3), networks())
def test_drop_path_is_on_the_edges_that_the_graph_has_it_on(genotype: Genotype, config: NetworkConfig) -> None:
    module = run(source(genotype, config))
    net = module.Network()
    called = []
    for part in net.modules():
        if isinstance(part, module.DropPath):
            part.register_forward_hook(lambda *_: called.append(1))
    net.eval()(torch.randn(2, config.input_channels, *config.input_size))
    graph = lower(genotype, config, training=True)
    dead = {f"cells.{k}.nodes.{state - 2}." for k in range(config.layers)
            for state in genotype.cells[config.kind(k)].dead}  # fmt: skip
    drops = [node.name for node in graph.nodes.values() if isinstance(node.primitive, DropPath)]
    assert len(called) == sum(not name.startswith(tuple(dead)) for name in drops)


def test_it_trains(darts_v2: Genotype) -> None:
    torch.manual_seed(0)
    net = run(source(darts_v2, SMALL["cifar"])).Network()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    images, labels = torch.randn(6, 3, 32, 29), torch.arange(6) % 3
    losses = []
    for _ in range(10):
        logits, auxiliary = net(images)
        loss = nn.functional.cross_entropy(logits, labels) + 0.4 * nn.functional.cross_entropy(auxiliary, labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert all(parameter.grad is not None for parameter in net.parameters())


def test_it_is_copied_exported_and_channels_last(darts_v2: Genotype) -> None:
    net = run(source(darts_v2, TINY)).Network().eval()
    image = torch.randn(2, 3, 9, 8)
    expected = net(image)
    torch.testing.assert_close(copy.deepcopy(net)(image), expected)
    last = copy.deepcopy(net).to(memory_format=torch.channels_last)
    torch.testing.assert_close(last(image.to(memory_format=torch.channels_last)), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(torch.export.export(net, (image,)).module()(image), expected)


@pytest.mark.parametrize("auxiliary", [False, True])
@pytest.mark.parametrize("trained", [False, True])
def test_compile_writes_and_verifies(darts_v2: Genotype, tmp_path: Path, trained: bool, auxiliary: bool) -> None:
    config = SMALL["cifar"].model_copy(update={"auxiliary": auxiliary})
    weights = tmp_path / "weights.safetensors"
    save({name: tensor.numpy() for name, tensor in TargetNet(darts_v2, config, seed=3).state_dict().items()}, weights)
    compilation = compile(
        darts_v2, config, to="python", output=tmp_path / "net.py", weights=weights if trained else None
    )
    assert (tmp_path / "net.py").read_text() == source(darts_v2, config)
    assert compilation.verification
    assert compilation.verification.ok
    assert compilation.verification.max_rel < 1e-5
    assert compilation.to_dict()["weights"] == "none in the file"


def test_passes_are_refused(darts_v2: Genotype, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="before any pass, found passes remove-dead-code; leave them out"):
        compile(darts_v2, TINY, to=PythonExporter(), output=tmp_path / "net.py", passes=["remove-dead-code"])
    assert not list(tmp_path.iterdir())


CHECKPOINTS = {
    "darts_v2_cifar_c8_l8": ("darts-v2", NetworkConfig(channels=8, layers=8, auxiliary=True)),
    "pc_darts_image_imagenet_c8_l5": (
        "pc-darts-image", NetworkConfig.make(skeleton="imagenet", channels=8, layers=5, classes=20)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_checkpoints_of_the_reference_programs(name: str, tmp_path: Path) -> None:
    entry, config = CHECKPOINTS[name]
    genotype = zoo.load(entry)
    checkpoint = sample_data.path(f"checkpoints/{name}.pt")
    imported = import_weights(checkpoint, genotype, config, checkpoints.LAYOUTS["darts"])
    save(imported.arrays, tmp_path / "w.safetensors")
    module = run(source(genotype, imported.config))
    net = module.Network()
    module.load_weights(net, tmp_path / "w.safetensors")
    sample = np.load(sample_data.path(f"checkpoints/{name}.npz"))
    with torch.no_grad():
        logits = net.eval()(torch.from_numpy(sample["image"])).numpy()
    assert np.abs(logits - sample["logits"]).max() < 1e-5 * np.abs(sample["logits"]).max()
