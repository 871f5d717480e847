"""The tables of all back ends, and the modules and functions of the PyTorch table that PyTorch itself does not have."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.func import functional_call

from genocc import load
from genocc.exporters.onnx_nodes import EMITTERS as ONNX_EMITTERS
from genocc.exporters.python.emitters import JOINS, LAYERS
from genocc.lowering import lower
from genocc.network import NetworkConfig
from genocc.nn.batch_norm import SYNC_EMITTERS
from genocc.nn.inference_net import STEPS
from genocc.nn.primitives import (
    EMITTERS,
    INFERENCE_EMITTERS,
    BatchNorm2d,
    DilatedConv2d,
    Normalization,
    PaddedConv2d,
    SlicedConv2d,
    add_all,
    concat,
    drop_path,
    drop_path_masks,
)
from genocc.primitives import (
    PRIMITIVES,
    Conv2d,
    DropPath,
    GlobalMean,
    Input,
    Linear,
    Normalize,
    Primitive,
    Softmax,
    Zero,
)
from genocc.searchers.arithmetic.lazy import LAZY
from tests.nn import convolutions

TABLES: dict[str, Collection[type[Primitive]]] = {
    "PyTorch": EMITTERS.keys(),
    "PyTorch, inference": INFERENCE_EMITTERS.keys(),
    "PyTorch, synchronized BN": SYNC_EMITTERS.keys(),
    "optimized PyTorch": STEPS.keys(),
    "ONNX": ONNX_EMITTERS.keys(),
    "Python source": LAYERS.keys() | JOINS.keys(),
    "super-net": LAZY.keys(),
}
WITHOUT: dict[str, tuple[type[Primitive], ...]] = {
    "ONNX": (),
    "super-net": (Input, GlobalMean, Linear, DropPath, Normalize, Softmax, Zero),  # `none` is never computed there
}
"""What a back end does not compute; of those that are not named: the input, which is their argument."""


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("primitive", PRIMITIVES, ids=lambda primitive: primitive.kind)
def test_no_table_has_a_hole(primitive: type[Primitive], table: str) -> None:
    assert (primitive in TABLES[table]) == (primitive not in WITHOUT.get(table, (Input,)))


def test_a_padded_convolution_pads_each_side_by_its_own() -> None:
    conv = PaddedConv2d(padding=(1, 0, 2, 3), in_channels=1, out_channels=1, kernel_size=1, bias=False)
    nn.init.ones_(conv.weight)
    top, left, bottom, right = 1, 0, 2, 3
    expected = torch.zeros(1, 1, top + 2 + bottom, left + 2 + right)
    expected[:, :, top : top + 2, left : left + 2] = 1
    torch.testing.assert_close(conv(torch.ones(1, 1, 2, 2)), expected)


@pytest.mark.parametrize("stride", [2, (1, 2), (3, 2)])
@pytest.mark.parametrize("arguments", [{}, {"groups": 2, "bias": False}, {"padding": (1, 0)}])
def test_a_pixelwise_convolution_with_a_stride_trains_as_pytorchs_does(
    stride: int | tuple[int, int], arguments: dict[str, Any]
) -> None:
    ours = SlicedConv2d(4, 6, 1, stride, **arguments).double()
    theirs = nn.Conv2d(4, 6, 1, stride, **arguments).double()
    theirs.load_state_dict(ours.state_dict())
    results = []
    for conv in (ours, theirs):
        x = torch.arange(2 * 4 * 7 * 6.0, dtype=torch.float64).view(2, 4, 7, 6).sin().requires_grad_()
        y = conv(x)
        y.square().sum().backward()
        results.append([y.detach(), x.grad, *(p.grad for p in conv.parameters())])
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected)


def test_without_a_gradient_it_is_pytorchs_to_the_bit() -> None:
    conv, x = SlicedConv2d(4, 6, 1, 2), torch.randn(2, 4, 7, 6)
    expected = nn.Conv2d.forward(conv, x)
    with torch.no_grad():
        assert torch.equal(conv(x), expected)
    assert torch.equal(conv.requires_grad_(False)(x), expected)


def dilated_pair(dtype: torch.dtype = torch.float64, stride: int = 1) -> tuple[DilatedConv2d, nn.Conv2d]:
    """Ours and PyTorch's convolution, with the same weights."""
    arguments: dict[str, Any] = {
        "stride": stride,
        "padding": 4,
        "dilation": 2,
        "groups": 6,
        "bias": False,
        "dtype": dtype,
    }
    ours, theirs = DilatedConv2d(6, 6, 5, **arguments), nn.Conv2d(6, 6, 5, **arguments)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def channels_last_images(dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(2, 6, 9, 7, dtype=dtype).contiguous(memory_format=torch.channels_last)


def test_dilated_convolutions_of_nets_that_train_are_the_fast_ones() -> None:
    graph = lower(load("zoo:darts-v2"), NetworkConfig(channels=4, layers=3), training=True)
    chosen = [
        EMITTERS[Conv2d](node.primitive, node).target is DilatedConv2d
        for node in graph.nodes.values()
        if isinstance(node.primitive, Conv2d) and node.primitive.dilation > 1
    ]
    assert chosen
    assert all(chosen)


@pytest.mark.parametrize("stride", [1, 2])
def test_a_dilated_convolution_trains_as_pytorchs_does_and_has_second_derivatives(stride: int) -> None:
    images, found = channels_last_images(), []
    for conv in dilated_pair(stride=stride):
        x = images.clone(memory_format=torch.preserve_format).requires_grad_()
        y = conv(x)
        first = torch.autograd.grad(y.square().sum(), (x, conv.weight), create_graph=True)
        second = torch.autograd.grad(sum(t.square().sum() for t in first), (x, conv.weight))
        of_weight = torch.func.grad(lambda w, conv=conv, x=x: functional_call(conv, {"weight": w}, (x,)).sum())
        found.append([y, *first, *second, of_weight(conv.weight)])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_dilated_convolution_follows_autocast() -> None:
    found = []
    for conv in dilated_pair(torch.float32):
        x = channels_last_images(torch.float32).fill_(0.7).requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            y = conv(x)
        found.append([y, *torch.autograd.grad(y.float().sum(), (x, conv.weight))])
    assert found[0][0].dtype == torch.bfloat16
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0.02, atol=0.02)


def test_where_nothing_is_gained_it_is_pytorchs_to_the_bit() -> None:
    ours, theirs = dilated_pair(torch.float32)
    x = channels_last_images(torch.float32)
    with torch.no_grad():
        assert torch.equal(ours(x), theirs(x))
    found = [torch.autograd.grad(conv(x.contiguous()).sum(), conv.weight)[0] for conv in (ours, theirs)]
    assert torch.equal(*found)


THIN = {"dense:1x1:2x2:0x0:1": 97}
"""Kinds of which a part is tried each time."""


@pytest.mark.parametrize("which", THIN)
def test_a_convolution_that_trains_computes_what_float64_does(which: str) -> None:
    assert convolutions.faults(which, thin=THIN[which]) == []


@pytest.mark.full
@pytest.mark.parametrize("which", convolutions.cases())
def test_every_convolution_that_trains_computes_what_float64_does(which: str) -> None:
    assert convolutions.faults(which) == []


@pytest.mark.parametrize("training", [False, True])
def test_batch_norm_is_pytorchs_without_its_counter(training: bool) -> None:
    arguments = {"eps": 1e-3, "momentum": 0.2, "affine": True}
    ours, theirs = BatchNorm2d(3, **arguments).train(training), nn.BatchNorm2d(3, **arguments).train(training)
    state = {
        name: torch.rand(3) for name, tensor in theirs.state_dict().items() if tensor.ndim and name in ours.state_dict()
    }
    assert list(ours.state_dict()) == ["weight", "bias", "running_mean", "running_var"] == list(state)
    ours.load_state_dict(state)  # strict: it asks for no counter
    theirs.load_state_dict(state, strict=False)
    x = torch.randn(4, 3, 5, 5)
    torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=0)
    for name, tensor in ours.state_dict().items():
        torch.testing.assert_close(tensor, theirs.state_dict()[name], rtol=0, atol=0)


def test_normalization_makes_floats_of_bytes_in_the_precision_of_its_constants() -> None:
    normalize = Normalization((0.5, 0.25), (0.5, 2.0), 1 / 255)
    image = torch.tensor([[[[255]], [[51]]]], dtype=torch.uint8)
    torch.testing.assert_close(normalize(image), torch.tensor([[[[1.0]], [[(0.2 - 0.25) / 2]]]]))
    assert normalize(image.to(torch.bfloat16)).dtype == torch.float32
    assert not normalize.state_dict()  # its constants are the graph's, no weights


def test_sums_and_concats_take_any_number_of_values() -> None:
    values = torch.randn(3, 2, 4, 5, 5).unbind()
    torch.testing.assert_close(add_all(*values), torch.stack(values).sum(0))
    joined = concat(*values)
    assert joined.shape == (2, 12, 5, 5)
    assert torch.equal(joined[:, 4:8], values[1])


@given(rate=st.floats(0.01, 0.99), images=st.integers(1, 6), count=st.integers(1, 4), seed=st.integers(0, 2**32 - 1))
def test_each_mask_has_a_factor_per_image_that_keeps_the_mean(rate: float, images: int, count: int, seed: int) -> None:
    torch.manual_seed(seed)
    masks = drop_path_masks(torch.empty(images, 3, 2, 2), rate, None, count)
    assert len(masks) == count
    for mask in masks:
        assert mask is not None
        assert mask.shape == (images, 1, 1, 1)
        assert all(factor == 0 or factor == pytest.approx(1 / (1 - rate)) for factor in mask.flatten().tolist())


def test_nothing_drops_at_rate_zero() -> None:
    assert drop_path_masks(torch.empty(2, 3, 2, 2), 0, None, 3) == (None, None, None)
    x = torch.randn(2, 3, 2, 2)
    assert drop_path(x, None) is x


@given(sizes=st.lists(st.integers(1, 4), min_size=2, max_size=4), seed=st.integers(0, 2**32 - 1))
def test_processes_that_share_a_batch_drop_what_one_process_would(sizes: list[int], seed: int) -> None:
    whole = sum(sizes)
    torch.manual_seed(seed)
    alone = drop_path_masks(torch.empty(whole, 1, 1, 1), 0.5, None, 3)
    for number, size in enumerate(sizes):
        first = sum(sizes[:number])
        torch.manual_seed(seed)
        shared = drop_path_masks(torch.empty(size, 1, 1, 1), 0.5, (first, whole), 3)
        for mask, expected in zip(shared, alone, strict=True):
            assert mask is not None
            assert expected is not None
            assert torch.equal(mask, expected[first : first + size])


def test_masks_follow_the_precision_in_which_the_net_computes() -> None:
    image = torch.empty(2, 3, 4, 4)
    (plain,) = drop_path_masks(image.double(), 0.5, None, 1)
    with torch.autocast("cpu", torch.bfloat16):
        (cast,) = drop_path_masks(image, 0.5, None, 1)
    assert plain is not None
    assert plain.dtype == torch.float64
    assert cast is not None
    assert cast.dtype == torch.bfloat16
