"""Any graph as a PyTorch module: each primitive, random nets, several outputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings

from genocc import Genotype, Graph, NetworkConfig, lower
from genocc.graph import GraphBuilder
from genocc.initialization import initialize
from genocc.nn.graph_module import graph_module, module_tree, program
from genocc.nn.primitives import EMITTERS, Emitters
from genocc.operations import OPERATIONS
from genocc.primitives import (
    PRIMITIVES,
    Add,
    AvgPool,
    BatchNorm,
    Concat,
    Conv2d,
    DropPath,
    GlobalMean,
    Input,
    Linear,
    MaxPool,
    Normalize,
    Primitive,
    Relu,
    ShiftPad,
    Slice,
    Softmax,
    Zero,
)
from tests.reference import evaluate, random_image, random_parameters, relative_error
from tests.strategies import genotypes, networks

EXACT = 1e-12

EXAMPLES: dict[type[Primitive], list[Primitive]] = {
    Conv2d: [
        Conv2d(6, (3, 3), pads=(1, 1, 1, 1)),
        Conv2d(4, (1, 5), stride=(1, 2), pads=(0, 2, 0, 2)),
        Conv2d(4, (3, 3), pads=(2, 2, 2, 2), dilation=2, groups=4),
        Conv2d(8, (2, 2), stride=(2, 2), pads=(0, 0, 1, 1), bias=True),
        Conv2d(4, (3, 2), pads=(2, 0, 1, 1), groups=2, bias=True),
    ],
    BatchNorm: [BatchNorm(), BatchNorm(affine=False, epsilon=1e-2)],
    Relu: [Relu()],
    MaxPool: [MaxPool(3, 2, 1), MaxPool(2)],
    AvgPool: [AvgPool(3, 2, 1), AvgPool(5, 3)],
    Add: [Add()],
    Concat: [Concat()],
    ShiftPad: [ShiftPad()],
    Slice: [Slice(1, 3)],
    Zero: [Zero(4), Zero(6, (2, 3))],
    GlobalMean: [GlobalMean()],
    Linear: [Linear(3)],
    DropPath: [DropPath()],
    Normalize: [Normalize((0.1, 0.2, 0.3, 0.4), (0.5, 0.6, 0.7, 0.8), 1 / 255)],
    Softmax: [Softmax()],
}
"""Each primitive in the forms that a net, a pass or an option can give it, on an image of 4 channels."""


def test_every_primitive_has_an_example() -> None:
    assert EXAMPLES.keys() == set(PRIMITIVES) - {Input}


@pytest.mark.parametrize("primitive", [p for group in EXAMPLES.values() for p in group], ids=str)
def test_a_primitive_computes_what_the_reference_does(primitive: Primitive) -> None:
    graph = alone(primitive)
    arrays, image = random_parameters(graph), random_image(graph, batch=3)
    limit = 1e-7 if isinstance(primitive, Normalize) else EXACT  # its constants are float32
    assert relative_error(run(graph, arrays, image), evaluate(graph, arrays, image)) < limit


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", list(OPERATIONS))
def test_an_operation_computes_what_the_reference_does(name: str, stride: int) -> None:
    graph = OPERATIONS[name].graph(channels=4, stride=stride, size=7)
    arrays, image = random_parameters(graph), random_image(graph)
    assert relative_error(run(graph, arrays, image), evaluate(graph, arrays, image)) < EXACT


@given(genotypes(max_nodes=3, max_edges=4, zeros=True), networks(max_layers=3))
@settings(max_examples=12)
def test_random_nets_compute_what_the_reference_does(genotype: Genotype, config: NetworkConfig) -> None:
    graph = lower(genotype, config)
    arrays, image = random_parameters(graph), random_image(graph)
    assert relative_error(run(graph, arrays, image), evaluate(graph, arrays, image)) < 1e-10


def test_training_uses_the_statistics_of_the_batch_and_collects_them() -> None:
    graph = OPERATIONS["sep_conv_3x3"].graph(channels=4)
    arrays, image = random_parameters(graph), random_image(graph, batch=5)
    module = graph_module(graph, arrays).train()
    found = {"y": module(torch.from_numpy(image)).detach().numpy()}
    assert relative_error(found, evaluate(graph, arrays, image, training=True)) < EXACT

    conv = functional_conv(arrays, image)
    mean = 0.9 * arrays["sep_conv_3x3.bn1.running_mean"] + 0.1 * conv.mean((0, 2, 3))
    variance = 0.9 * arrays["sep_conv_3x3.bn1.running_var"] + 0.1 * conv.var((0, 2, 3), ddof=1)
    state = module.state_dict()
    np.testing.assert_allclose(state["sep_conv_3x3.bn1.running_mean"], mean, rtol=1e-12)
    np.testing.assert_allclose(state["sep_conv_3x3.bn1.running_var"], variance, rtol=1e-12)


def functional_conv(arrays: dict[str, np.ndarray], image: np.ndarray) -> np.ndarray:
    """ReLU, depthwise 3x3, 1x1 of sep_conv_3x3 by explicit sums."""
    x = np.pad(np.maximum(image, 0), ((0, 0), (0, 0), (1, 1), (1, 1)))
    depthwise, pointwise = arrays["sep_conv_3x3.dw1.weight"][:, 0], arrays["sep_conv_3x3.pw1.weight"][:, :, 0, 0]
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))
    return np.einsum("nchwij,cij,oc->nohw", windows, depthwise, pointwise)


def test_names_are_the_graphs_and_arrays_are_copied() -> None:
    graph = OPERATIONS["sep_conv_5x5"].graph(channels=2)
    arrays = initialize(graph, seed=3)
    module = graph_module(graph, arrays)
    state = module.state_dict()
    assert list(state) == [*arrays]
    assert [name for name, _ in module.named_parameters()] == list(graph.parameters())
    for name, array in arrays.items():
        np.testing.assert_array_equal(state[name], array)
    with torch.no_grad():
        state["sep_conv_5x5.dw1.weight"].zero_()
    assert arrays["sep_conv_5x5.dw1.weight"].any()


def test_batch_norm_without_affine_has_statistics_only() -> None:
    graph = alone(BatchNorm(affine=False))
    module = graph_module(graph, initialize(graph))
    assert set(module.state_dict()) == {"y.running_mean", "y.running_var"}
    assert not list(module.parameters())


def test_several_outputs_come_in_the_graphs_order() -> None:
    graph = alone(Relu())
    both = replace(graph, outputs={"features": "y", "image": "x"})
    image = torch.randn(2, 4, 7, 7)
    features, unchanged = graph_module(both, {})(image)
    torch.testing.assert_close(features, image.relu())
    assert unchanged is image


def test_programs_share_a_tree() -> None:
    graph = OPERATIONS["conv_3x3"].graph(channels=2)
    tree = module_tree(graph, initialize(graph))
    first, second = program(graph, tree), program(graph, tree)
    tree.get_parameter("conv_3x3.conv.weight").data.zero_()
    assert not first.get_parameter("conv_3x3.conv.weight").any()
    assert not second.get_parameter("conv_3x3.conv.weight").any()


def test_an_origin_may_be_a_prefix_of_another() -> None:
    """Passes name what they add to a value ``<value>.<what>``, before or after the value itself."""
    builder = GraphBuilder()
    value = builder.add("x", Input(2, 4, 4))
    value = builder.add("a.b.part", Conv2d(2, (1, 1)), value)
    value = builder.add("a.b", Conv2d(2, (1, 1)), value)
    value = builder.add("a.b.other", Conv2d(2, (1, 1)), value)
    graph = builder.build(y=value)
    arrays, image = random_parameters(graph), random_image(graph)
    assert relative_error(run(graph, arrays, image), evaluate(graph, arrays, image)) < EXACT


def test_a_table_can_be_exchanged() -> None:
    doubled: Emitters = {
        **EMITTERS,
        Relu: lambda relu, node: replace(EMITTERS[Relu](relu, node), target=torch.neg),
    }
    image = torch.randn(1, 4, 7, 7)
    torch.testing.assert_close(graph_module(alone(Relu()), {}, doubled)(image), -image)


def alone(primitive: Primitive) -> Graph:
    builder = GraphBuilder()
    image = builder.add("x", Input(4, 7, 6))
    inputs = [image, builder.add("z", MaxPool(1), image)] if isinstance(primitive, (Add, Concat)) else [image]
    if isinstance(primitive, (Linear, Softmax)):
        inputs = [builder.add("mean", GlobalMean(), image)]
    return builder.build(y=builder.add("y", primitive, *inputs))


def run(graph: Graph, arrays: dict[str, np.ndarray], image: np.ndarray) -> dict[str, np.ndarray]:
    module = graph_module(graph, arrays).double().eval()
    with torch.no_grad():
        (key,) = graph.outputs
        return {key: module(torch.from_numpy(image)).numpy()}
