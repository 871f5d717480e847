"""The primitives: shapes and weights as PyTorch's, costs by hand, and what a new one has to declare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

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
    Pool,
    Primitive,
    Relu,
    Shape,
    ShiftPad,
    Slice,
    Softmax,
    Zero,
    keeps_zero,
)


@given(
    size=st.integers(1, 12), kernel=st.integers(1, 5), stride=st.integers(1, 3), padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
)  # fmt: skip
def test_convolution_has_the_shape_and_weights_of_pytorch(
    size: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    theirs = torch.nn.Conv2d(4, 6, kernel, stride, padding, dilation, groups=2, bias=True)
    ours = Conv2d(6, (kernel, kernel), (stride, stride), (padding,) * 4, dilation, groups=2, bias=True)
    if size + 2 * padding < dilation * (kernel - 1) + 1:
        with pytest.raises(ValueError, match="window is larger"):
            ours.infer([(4, size, size + 3)])
    else:
        assert ours.infer([(4, size, size + 3)]) == tuple(theirs(torch.zeros(1, 4, size, size + 3)).shape[1:])
        assert ours.parameters([(4, size, size)]) == {name: tuple(p.shape) for name, p in theirs.named_parameters()}


@given(size=st.integers(3, 12), stride=st.integers(1, 3))
def test_pools_have_the_shape_of_pytorch(size: int, stride: int) -> None:
    expected = torch.nn.functional.max_pool2d(torch.zeros(1, 2, size, size + 1), 3, stride, 1).shape[1:]
    assert MaxPool(3, stride, 1).infer([(2, size, size + 1)]) == tuple(expected)
    assert AvgPool(3, stride, 1).infer([(2, size, size + 1)]) == tuple(expected)


@pytest.mark.parametrize(
    ("primitive", "inputs", "message"),
    [
        (Conv2d(4, (1, 1), groups=3), [(4, 2, 2)], "3 groups do not divide"),
        (Add(), [(4, 2, 2)], "two or more inputs of one shape"),
        (Add(), [(4, 2, 2), (2, 2, 2)], "two or more inputs of one shape"),
        (Concat(), [(4, 2, 2), (4, 2, 3)], "two or more maps of one size"),
        (Slice(1, 5), [(4, 2, 2)], "channels 1:5 are not within 4"),
        (Normalize((0.5,), (0.5,)), [(3, 2, 2)], "expected 3 means"),
        (GlobalMean(), [(4,)], "not enough values"),
        (Linear(3), [(4, 1, 1)], "too many values"),
        (Relu(), [(4,), (4,)], "too many values"),
    ],
)
def test_inputs_that_do_not_fit(primitive: Primitive, inputs: list[tuple[int, ...]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        primitive.infer(inputs)


def test_every_primitive_is_listed_and_named_once() -> None:
    def leaves(kind: type[Primitive]) -> set[type[Primitive]]:
        known = [sub for sub in kind.__subclasses__() if sub.__module__ == Primitive.__module__]
        return {leaf for sub in known for leaf in leaves(sub)} or {kind}

    assert leaves(Primitive) == set(PRIMITIVES)
    assert Pool not in PRIMITIVES
    assert len({primitive.kind for primitive in PRIMITIVES}) == len(PRIMITIVES)


MAP = (6, 4, 5)
COSTS: dict[Primitive, tuple[list[Shape], int, int, str]] = {
    Input(*MAP): ([], 0, 0, "data movement"),
    Conv2d(8, (3, 1), (2, 2), (1, 0, 1, 0), groups=2, bias=True): ([MAP], 8 * 2 * 3 * 3 * 3, 0, "conv"),
    BatchNorm(): ([MAP], 0, 2 * 120, "bn"),
    Relu(): ([MAP], 0, 120, "activation"),
    MaxPool(3, 2, 1): ([MAP], 0, 6 * 2 * 3 * 9, "pool"),
    AvgPool(3, 1, 1): ([MAP], 0, 120 * 9, "pool"),
    Add(): ([MAP] * 3, 0, 240, "add"),
    Concat(): ([MAP] * 3, 0, 0, "data movement"),
    ShiftPad(): ([MAP], 0, 0, "data movement"),
    Slice(1, 3): ([MAP], 0, 0, "data movement"),
    Zero(8, (2, 3)): ([MAP], 0, 0, "data movement"),
    GlobalMean(): ([MAP], 0, 120, "pool"),
    Linear(10): ([(6,)], 60, 0, "linear"),
    DropPath(): ([MAP], 0, 0, "data movement"),
    Normalize((0.5,) * 6, (0.5,) * 6): ([MAP], 0, 240, "data movement"),
    Softmax(): ([(10,)], 0, 30, "activation"),
}
"""Primitive -> shapes of its inputs, MACs, element operations, category; worked out by hand."""


@pytest.mark.parametrize("primitive", COSTS, ids=lambda primitive: primitive.kind)
def test_costs_by_hand(primitive: Primitive) -> None:
    inputs, macs, elementwise, category = COSTS[primitive]
    output = primitive.infer(inputs)
    assert (primitive.macs(inputs, output), primitive.elementwise(inputs, output)) == (macs, elementwise)
    assert primitive.category == category


def test_every_primitive_has_its_cost_checked() -> None:
    assert {type(primitive) for primitive in COSTS} == set(PRIMITIVES)
    assert [kind.kind for kind in PRIMITIVES if kind.commutative] == ["add"]
    assert [kind.kind for kind in PRIMITIVES if kind.random] == ["drop_path"]


@settings(max_examples=25)
@given(
    groups=st.sampled_from([1, 2, 4]), kernel=st.integers(1, 3), stride=st.integers(1, 3), size=st.integers(3, 9)
)  # fmt: skip
def test_macs_of_convolutions_are_half_the_flops_that_pytorch_counts(
    groups: int, kernel: int, stride: int, size: int
) -> None:
    ours = Conv2d(8, (kernel, kernel), (stride, stride), groups=groups)
    with FlopCounterMode(display=False) as flops:
        x, weight = torch.zeros(1, 4, size, size), torch.zeros(8, 4 // groups, kernel, kernel)
        torch.nn.functional.conv2d(x, weight, stride=stride, groups=groups)
    assert 2 * ours.macs([(4, size, size)], ours.infer([(4, size, size)])) == flops.get_total_flops()


class Costs:
    """A cost to inherit."""

    def macs(self, inputs: Sequence[Shape], output: Shape) -> int:
        return 1

    def elementwise(self, inputs: Sequence[Shape], output: Shape) -> int:
        return 1


FACTS = {"kind": "twice", "category": "activation", "commutative": False, "random": False}


@pytest.mark.parametrize("missing", [*FACTS, "macs", "elementwise"])
def test_a_primitive_that_leaves_something_out_cannot_be_defined(missing: str) -> None:
    facts = {name: value for name, value in FACTS.items() if name != missing}
    costs = {name: vars(Costs)[name] for name in ("macs", "elementwise") if name != missing}
    with pytest.raises(TypeError, match=f"primitive Twice does not define {missing}$"):
        type("Twice", (Primitive,), costs, **facts)  # type: ignore[call-overload]


def test_all_that_is_missing_is_named_and_a_category_has_to_exist() -> None:
    with pytest.raises(TypeError, match=r"does not define category, random, macs, elementwise$"):
        type("Twice", (Primitive,), {}, kind="twice", commutative=False)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="found category 'other'; expected one of conv, linear, bn, pool, add"):
        type("Twice", (Primitive,), dict(vars(Costs)), **{**FACTS, "category": "other"})  # type: ignore[call-overload]


def test_a_base_may_leave_out_what_its_subclasses_declare() -> None:
    base: Any = type("Base", (Primitive,), {"macs": Costs.macs}, abstract=True)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match=r"does not define elementwise$"):
        type("Twice", (base,), {}, **FACTS)
    whole: Any = type("Twice", (base,), {"elementwise": Costs.elementwise}, **FACTS)
    assert (whole.kind, whole().macs([], ())) == ("twice", 1)


@pytest.mark.parametrize(
    ("conv", "channels", "kinds"),
    [
        (Conv2d(8, (1, 1)), 4, "dense pixelwise pointwise"),
        (Conv2d(8, (1, 1), bias=True, dilation=2), 4, "dense pixelwise pointwise"),
        (Conv2d(8, (1, 1), (2, 2)), 4, "dense pixelwise"),
        (Conv2d(8, (1, 1), (1, 2)), 4, "dense pixelwise"),
        (Conv2d(8, (1, 1), pads=(0, 0, 1, 0)), 4, "dense"),
        (Conv2d(8, (1, 3)), 4, "dense"),
        (Conv2d(4, (3, 3), groups=4), 4, "depthwise"),
        (Conv2d(4, (1, 1), groups=4), 4, "pixelwise depthwise"),
        (Conv2d(8, (3, 3), groups=4), 4, ""),
        (Conv2d(4, (3, 3), groups=4), 8, ""),
        (Conv2d(4, (3, 3), groups=2), 4, ""),
        (Conv2d(1, (3, 3)), 1, "dense"),
    ],
)
def test_kinds_of_convolutions(conv: Conv2d, channels: int, kinds: str) -> None:
    found = {"dense": conv.dense, "pixelwise": conv.pixelwise, "pointwise": conv.pointwise}
    found["depthwise"] = conv.depthwise([(channels, 5, 5)])
    assert " ".join(name for name, is_one in found.items() if is_one) == kinds


@given(st.integers(1, 4), st.integers(1, 4), st.sampled_from([1, 2]), st.sampled_from([1, 2, 4]))
def test_a_pointwise_convolution_is_a_matrix_product(c_in: int, c_out: int, stride: int, groups: int) -> None:
    """By what it computes: linear in the channels of each pixel, and nothing else."""
    if c_in % groups or c_out % groups:
        return
    conv = Conv2d(c_out, (1, 1), (stride, stride), groups=groups)
    x, weight = torch.randn(1, c_in, 3, 3), torch.randn(c_out, c_in // groups, 1, 1)
    y = torch.nn.functional.conv2d(x, weight, stride=stride, groups=groups)
    product = torch.einsum("oi,nihw->nohw", weight.flatten(1), x) if groups == 1 else None
    is_product = product is not None and product.shape == y.shape and torch.allclose(product, y, atol=1e-5)
    assert conv.pointwise == is_product


def test_the_size_of_zeros_is_rounded_up() -> None:
    assert Zero(8, (2, 3)).infer([(6, 5, 7)]) == (8, 3, 3)
    assert Zero(8).infer([(6, 5, 7)]) == (8, 5, 7)


@pytest.mark.parametrize("primitive", [p for p in COSTS if not isinstance(p, Input)], ids=lambda p: p.kind)
def test_what_keeps_zeros_is_what_adds_nothing_to_them(primitive: Primitive) -> None:
    adds = isinstance(primitive, (BatchNorm, Linear, Normalize, Softmax)) or getattr(primitive, "bias", False)
    assert keeps_zero(primitive) == (not adds)
    assert keeps_zero(Conv2d(4, (1, 1)))
