"""The target-net: counts, modes, drop path, initialization, files, and what PyTorch does with it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import genocc
from genocc import Cell, Edge, Genotype, NetworkConfig, lower, weights, zoo
from genocc.compiler import compile
from genocc.errors import FileError, NetworkError, TargetError, WeightsError
from genocc.exporters import torch as target
from genocc.initialization import initialize
from genocc.nn.graph_module import graph_module
from genocc.nn.target_net import TargetNet
from tests.reference import evaluate, random_image, random_parameters, relative_error

SMALL = {
    "cifar": NetworkConfig(channels=4, layers=3, classes=7, input_size=(31, 26)),
    "imagenet": NetworkConfig.make(skeleton="imagenet", channels=8, layers=3, classes=7, input_size=(65, 90)),
}
HEADS = {
    "cifar": NetworkConfig(channels=2, layers=3, classes=5, input_size=(32, 31), auxiliary=True),
    "imagenet": NetworkConfig.make(
        skeleton="imagenet", channels=2, layers=3, classes=5, input_size=(50, 57), stem_stride=2, auxiliary=True
    ),
}
TINY = NetworkConfig(channels=4, layers=3, classes=5)
WITH_HEAD = NetworkConfig(channels=4, layers=3, classes=5, auxiliary=True)


@pytest.mark.parametrize("skeleton", SMALL)
@pytest.mark.parametrize("name", zoo.names())
def test_counts_of_every_zoo_genotype_are_those_of_the_net(name: str, skeleton: str) -> None:
    genotype, config = zoo.load(name), SMALL[skeleton]
    if "reduction" not in genotype.cells or genotype.cells["normal"].inputs != 2:
        with pytest.raises(NetworkError, match="no place"):
            TargetNet(genotype, config)
        return
    counts = genocc.count(genotype, config)
    net = TargetNet(genotype, config).to("meta").eval()
    assert sum(parameter.numel() for parameter in net.parameters()) == counts.total.parameters
    with FlopCounterMode(display=False) as flops:
        net(torch.empty(1, 3, *config.input_size, device="meta"))
    assert flops.get_total_flops() == 2 * counts.total.macs


@pytest.mark.parametrize("config", HEADS.values(), ids=HEADS.keys())
def test_auxiliary_parameters_are_counted(darts_v2: Genotype, config: NetworkConfig) -> None:
    counts = genocc.count(darts_v2, config)
    assert counts.auxiliary_parameters
    found = sum(parameter.numel() for parameter in TargetNet(darts_v2, config).parameters())
    assert found == counts.total.parameters + counts.auxiliary_parameters


@pytest.mark.parametrize("config", HEADS.values(), ids=HEADS.keys())
def test_both_modes_compute_what_the_reference_does(darts_v2: Genotype, config: NetworkConfig) -> None:
    graph = lower(darts_v2, config, training=True)
    arrays, image = random_parameters(graph), random_image(graph, batch=3)
    net = TargetNet(darts_v2, config, weights=arrays)
    with torch.no_grad():
        logits = net.eval()(torch.from_numpy(image)).numpy()
        pair = net.train()(torch.from_numpy(image))
    assert relative_error({"logits": logits}, {"logits": evaluate(graph, arrays, image)["logits"]}) < 1e-10
    found = dict(zip(("logits", "auxiliary_logits"), map(torch.Tensor.numpy, pair), strict=True))
    assert relative_error(found, evaluate(graph, arrays, image, training=True)) < 1e-8


def test_the_auxiliary_head_is_for_training_alone(darts_v2: Genotype) -> None:
    image = torch.randn(2, 3, 32, 32)
    net = TargetNet(darts_v2, WITH_HEAD)
    assert [tuple(logits.shape) for logits in net(image)] == [(2, 5), (2, 5)]
    assert net.eval()(image).shape == (2, 5)
    assert TargetNet(darts_v2, TINY)(image).shape == (2, 5)


def test_a_net_holds_the_arrays_of_its_seed(darts_v2: Genotype) -> None:
    expected = initialize(lower(darts_v2, WITH_HEAD, training=True), seed=11)
    state = TargetNet(darts_v2, WITH_HEAD, seed=11).state_dict()
    assert state.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(state[name], array)
    other = TargetNet(darts_v2, TINY, seed=12).state_dict()
    assert not torch.equal(other["stem.conv.weight"], state["stem.conv.weight"])


def test_every_parameter_that_is_live_gets_a_gradient() -> None:
    dead = Cell(
        nodes=(
            (Edge(op="sep_conv_3x3", source=0), Edge(op="skip_connect", source=1)),
            (Edge(op="conv_3x3", source=2), Edge(op="conv_3x3", source=2)),
            (Edge(op="dil_conv_5x5", source=0),),
        ),
        concat=(2, 3),
    )
    net = TargetNet(Genotype(name="dead", cells={"normal": dead, "reduction": dead}), WITH_HEAD)
    net.drop_path_rate = 0.1
    sum(logits.square().sum() for logits in net(torch.randn(8, 3, 32, 32))).backward()
    without = {name for name, parameter in net.named_parameters() if parameter.grad is None}
    assert without == {name for name, _ in net.named_parameters() if ".nodes.2." in name}
    assert all(p.grad.isfinite().all() for p in net.parameters() if p.grad is not None)


POOL_AND_SKIP = Cell(
    nodes=(
        (Edge(op="max_pool_3x3", source=0), Edge(op="skip_connect", source=1)),
        (Edge(op="max_pool_3x3", source=0), Edge(op="conv_1x1", source=1)),
    ),
    concat=(2, 3),
)


def test_drop_path_drops_edges_for_images_and_scales_the_rest() -> None:
    genotype = Genotype(name="pools", cells={"normal": POOL_AND_SKIP, "reduction": POOL_AND_SKIP})
    graph = lower(genotype, NetworkConfig(channels=2, layers=3, input_size=(6, 6)), training=True)
    values = {
        "pool": "cells.0.nodes.0.max_pool_3x3.0.pool",
        "first": "cells.0.nodes.0.max_pool_3x3.0.drop_path",
        "second": "cells.0.nodes.1.max_pool_3x3.0.drop_path",
        "skipped": "cells.0.pre1.bn",
        "sum": "cells.0.nodes.0.add",
    }
    module = graph_module(replace(graph, outputs=values), initialize(graph))
    torch.manual_seed(0)
    images, rate = 1000, 0.3
    results = module(torch.randn(images, 3, 6, 6), rate)
    found = dict(zip(values, results, strict=True))

    kept = {}
    for name in ("first", "second"):
        kept[name] = (found[name] != 0).any(dim=(1, 2, 3))
        scaled = found["pool"] * kept[name].view(-1, 1, 1, 1) / (1 - rate)
        torch.testing.assert_close(found[name], scaled)
        assert abs(kept[name].sum().item() - 700) < 5 * (images * 0.3 * 0.7) ** 0.5
    torch.testing.assert_close(found["sum"], found["first"] + found["skipped"])  # a skip is never dropped
    both = (kept["first"] & kept["second"]).sum().item()
    assert abs(both - images * 0.7 * 0.7) < 5 * (images * 0.49 * 0.51) ** 0.5  # edges are independent


def test_drop_path_is_for_training_alone(darts_v2: Genotype) -> None:
    image = torch.randn(4, 3, 32, 32)
    net = TargetNet(darts_v2, TINY)
    net.drop_path_rate = 0.5
    torch.manual_seed(1)
    first = net(image)
    torch.manual_seed(2)
    assert not torch.equal(net(image), first)
    torch.manual_seed(1)
    assert torch.equal(net(image), first)
    net.eval()
    assert torch.equal(net(image), net(image))
    net.drop_path_rate = 0.0
    net.train()
    assert torch.equal(net(image), net(image))


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, float("nan")])
def test_a_drop_path_rate_is_a_probability_below_one(darts_v2: Genotype, rate: float) -> None:
    with pytest.raises(NetworkError, match="expected 0 <= rate < 1"):
        TargetNet(darts_v2, TINY).drop_path_rate = rate


def test_a_copy_is_independent(darts_v2: Genotype) -> None:
    image = torch.randn(2, 3, 32, 32)
    net = TargetNet(darts_v2, TINY).eval()
    expected = net(image)
    other = copy.deepcopy(net)
    assert torch.equal(other(image), expected)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    assert not other(image).any()
    assert torch.equal(net(image), expected)


def test_channels_last_computes_the_same_and_stays(darts_v2: Genotype) -> None:
    image = torch.randn(2, 3, 32, 32)
    net = scaled(TargetNet(darts_v2, TINY).eval())
    expected = net(image)
    net.to(memory_format=torch.channels_last)
    states: list[torch.Tensor] = []
    net.get_submodule("cells.2.pre0.conv1").register_forward_hook(lambda *call: states.append(call[2]))
    torch.testing.assert_close(net(image.to(memory_format=torch.channels_last)), expected, rtol=1e-4, atol=1e-5)
    assert states[0].is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gradients_are_laid_out_as_their_parameters(layout: torch.memory_format) -> None:
    """Data-parallel training warns, once in each process, of one whose strides are others."""
    net = TargetNet(zoo.load("pdarts"), TINY).to(memory_format=layout)
    net(torch.randn(2, 3, 32, 32).contiguous(memory_format=layout)).square().sum().backward()
    odd = [name for name, p in net.named_parameters() if p.grad is not None and p.grad.stride() != p.stride()]
    assert odd == []


@pytest.mark.parametrize("training", [False, True])
def test_autocast_runs_in_bfloat16(darts_v2: Genotype, training: bool) -> None:
    net = TargetNet(darts_v2, WITH_HEAD).train(training)
    net.drop_path_rate = 0.2
    states: list[torch.Tensor] = []
    net.get_submodule("cells.2.pre1.conv").register_forward_pre_hook(lambda module, inputs: states.append(inputs[0]))
    with torch.autocast("cpu", torch.bfloat16):
        result = net(torch.randn(2, 3, 32, 32))
    assert {logits.dtype for logits in (result if training else [result])} == {torch.bfloat16}
    assert states[0].dtype == torch.bfloat16  # neither drop path nor an add went back to float32


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_computes_the_same_and_trains(darts_v2: Genotype) -> None:
    image = torch.randn(4, 3, 32, 32)
    net = scaled(TargetNet(darts_v2, WITH_HEAD)).eval()
    expected = net(image)
    net.to("cuda", memory_format=torch.channels_last)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        found = net(image.cuda().to(memory_format=torch.channels_last)).cpu()
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4 * expected.abs().max().item())
    net.train().drop_path_rate = 0.2
    with torch.autocast("cuda", torch.bfloat16):
        loss = sum(logits.float().square().sum() for logits in net(image.cuda()))
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


def test_compilation_takes_all_rates_with_two_graphs(darts_v2: Genotype) -> None:
    graphs = []

    def backend(module: torch.fx.GraphModule, inputs: list[torch.Tensor]) -> Callable[..., object]:
        graphs.append(module)
        return module.forward

    image = torch.randn(2, 3, 16, 16)
    net = TargetNet(darts_v2, NetworkConfig(channels=2, layers=1, input_size=(16, 16)))
    compiled = torch.compile(net, backend=backend, fullgraph=True)
    for rate in (0.0, 0.1, 0.2, 0.25, 0.3):
        net.drop_path_rate = rate
        torch.manual_seed(5)
        found = compiled(image)
        torch.manual_seed(5)
        torch.testing.assert_close(found, net(image))
    assert len(graphs) == 2  # without and with drop path
    net.eval()
    torch.testing.assert_close(compiled(image), net(image))


def test_compilation_with_gradients(darts_v2: Genotype) -> None:
    image = torch.randn(2, 3, 16, 16)
    net = TargetNet(darts_v2, NetworkConfig(channels=2, layers=1, input_size=(16, 16)))
    net(image).square().sum().backward()
    expected = {
        name: parameter.grad.clone() for name, parameter in net.named_parameters() if parameter.grad is not None
    }
    net.zero_grad()
    torch.compile(net, backend="aot_eager")(image).square().sum().backward()
    for name, parameter in net.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[name], rtol=1e-3, atol=1e-5)


def test_export_with_a_dynamic_batch(darts_v2: Genotype) -> None:
    net = scaled(TargetNet(darts_v2, NetworkConfig(channels=2, layers=2, input_size=(16, 16)))).eval()
    batch = {"image": {0: torch.export.Dim("batch", min=1)}}
    program = torch.export.export(net, (torch.randn(2, 3, 16, 16),), dynamic_shapes=batch)
    assert program.state_dict.keys() == net.state_dict().keys()
    for images in (1, 2, 5):
        image = torch.randn(images, 3, 16, 16)
        torch.testing.assert_close(program.module()(image), net(image))


def scaled(net: TargetNet) -> TargetNet:
    """The net with weights so large that its logits depend on the image."""
    graph = lower(net.genotype, net.config, training=True)
    arrays = random_parameters(graph)
    net.load_state_dict({name: torch.tensor(array).float() for name, array in arrays.items()})
    return net


def test_a_saved_net_is_loaded_as_it_was(darts_v2: Genotype, tmp_path: Path) -> None:
    net = scaled(TargetNet(darts_v2, WITH_HEAD)).to(memory_format=torch.channels_last)
    target.save(net, tmp_path / "net.safetensors")
    loaded = target.load(tmp_path / "net.safetensors")
    assert loaded.config == WITH_HEAD
    assert loaded.genotype == darts_v2
    for name, tensor in net.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)
    image = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(loaded.eval()(image), net.eval()(image), rtol=1e-4, atol=1e-5)


def test_a_net_in_bfloat16_is_stored_in_float32(darts_v2: Genotype, tmp_path: Path) -> None:
    target.save(TargetNet(darts_v2, TINY).bfloat16(), tmp_path / "net.safetensors")
    assert {array.dtype for array in weights.load(tmp_path / "net.safetensors").values()} == {np.dtype("float32")}


def test_compiled_weights_make_the_net_and_are_the_same_bytes_each_time(darts_v2: Genotype, tmp_path: Path) -> None:
    first, second = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    for path in (first, second):
        done = compile(darts_v2, WITH_HEAD, to="torch", output=path, seed=4)
    assert first.read_bytes() == second.read_bytes()
    assert done.verification is not None
    assert done.verification.ok
    net = target.load(first)
    assert not net.config.auxiliary
    expected = TargetNet(darts_v2, TINY, seed=4).state_dict()
    assert net.state_dict().keys() == expected.keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in net.state_dict().items())


def test_the_torch_target_refuses_passes(darts_v2: Genotype, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="found passes fold-batch-norm"):
        compile(darts_v2, TINY, to="torch", output=tmp_path / "w.safetensors", passes=["fold-batch-norm"])
    assert not list(tmp_path.iterdir())


def test_what_is_no_file_of_a_net_is_refused(darts_v2: Genotype, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    with pytest.raises(FileError, match="no such file"):
        target.load(path)
    path.write_text("hello")
    with pytest.raises(FileError, match="not a safetensors file"):
        target.load(path)
    weights.save(initialize(lower(darts_v2, TINY)), path)
    with pytest.raises(TargetError, match="no genotype in its metadata"):
        target.load(path)


def test_weights_that_do_not_fit_name_the_tensor(darts_v2: Genotype, tmp_path: Path) -> None:
    arrays = dict(initialize(lower(darts_v2, TINY)))
    other = TINY.model_copy(update={"channels": 6})
    with pytest.raises(WeightsError, match=r"'stem.conv.weight' has shape \(12, 3, 3, 3\); expected \(18, 3, 3, 3\)"):
        TargetNet(darts_v2, other, weights=arrays)
    weights.save(arrays, tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match=r"w.safetensors: tensor 'auxiliary.conv1.weight' .* is missing"):
        TargetNet(darts_v2, WITH_HEAD, weights=tmp_path / "w.safetensors")
    del arrays["cells.1.pre1.bn.running_var"]
    with pytest.raises(WeightsError, match=r"'cells.1.pre1.bn.running_var' \(8,\) is missing"):
        TargetNet(darts_v2, TINY, weights=arrays)


def test_an_auxiliary_head_in_the_weights_is_ignored_without_a_place(darts_v2: Genotype) -> None:
    arrays = initialize(lower(darts_v2, WITH_HEAD, training=True))
    state = TargetNet(darts_v2, TINY, weights=arrays).state_dict()
    assert state.keys() == {name for name in arrays if not name.startswith("auxiliary.")}


def test_weights_that_no_memory_holds_are_refused_before_they_are_made(darts_v2: Genotype) -> None:
    with pytest.raises(NetworkError, match=r"the weights of this net take 3,952\.2 GiB of memory; at most 16 GiB"):
        TargetNet(darts_v2, NetworkConfig(channels=4000, layers=500))
