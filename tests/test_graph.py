"""The primitive graph: shapes, order, text, and that nothing unsound can be built."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genocc.errors import InternalError
from genocc.graph import Graph, GraphBuilder, Node
from genocc.primitives import (
    PRIMITIVES,
    Add,
    AvgPool,
    BatchNorm,
    Concat,
    Conv2d,
    GlobalMean,
    Input,
    Linear,
    MaxPool,
    Normalize,
    Pool,
    Primitive,
    Relu,
    Slice,
)


def small() -> Graph:
    b = GraphBuilder()
    b.add("image", Input(3, 5, 4))
    b.add("stem", Conv2d(8, (3, 3), (2, 2), (1, 1, 1, 1)), "image")
    b.add("bn", BatchNorm(), "stem")
    b.add("both", Concat(), "bn", "stem")
    b.add("sum", Add(), "both", "both")
    return b.build(y="sum")


def test_text() -> None:
    assert str(small()) == (
        "%image = input() channels=3 height=5 width=4 : (N, 3, 5, 4)\n"
        "%stem = conv2d(%image) channels=8 kernel=3x3 stride=2x2 pads=1x1x1x1 : (N, 8, 3, 2)\n"
        "%bn = batch_norm(%stem) : (N, 8, 3, 2)\n"
        "%both = concat(%bn, %stem) : (N, 16, 3, 2)\n"
        "%sum = add(%both, %both) : (N, 16, 3, 2)\n"
        "return y = %sum\n"
    )


def test_names_of_parameters_follow_from_the_node() -> None:
    graph = small()
    assert graph.parameters() == {"stem.weight": (8, 3, 3, 3), "bn.weight": (8,), "bn.bias": (8,)}
    assert graph.buffers() == {"bn.running_mean": (8,), "bn.running_var": (8,)}
    assert [node.name for node in graph.users["stem"]] == ["bn", "both"]
    assert [node.name for node in graph.users["both"]] == ["sum"]


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


def test_a_builder_refuses_what_is_not_ssa() -> None:
    b = GraphBuilder()
    b.add("image", Input(3, 4, 4))
    with pytest.raises(InternalError, match="%image: defined twice"):
        b.add("image", Relu(), "image")
    with pytest.raises(InternalError, match="%r: reads %later before it is defined"):
        b.add("r", Relu(), "later")
    with pytest.raises(InternalError, match=r"%c = conv2d of .*5 groups"):
        b.add("c", Conv2d(5, (1, 1), groups=5), "image")
    with pytest.raises(InternalError, match="output y = %nothing"):
        b.build(y="nothing")
    with pytest.raises(InternalError, match="needs an output"):
        b.build()


@pytest.mark.parametrize("damage", ["shape", "name", "order", "inputs"])
def test_verify_finds_damage(damage: str) -> None:
    nodes = dict(small().nodes)
    if damage == "shape":
        nodes["bn"] = replace(nodes["bn"], shape=(9, 3, 2))
    elif damage == "name":
        nodes["bn"] = replace(nodes["bn"], name="other")
    elif damage == "order":
        nodes = dict(reversed(nodes.items()))
    else:
        nodes["second"] = Node("second", Input(1, 1, 1), (), (1, 1, 1), ())
    with pytest.raises(InternalError):
        Graph(nodes, {"y": "sum"}).verify()


def test_every_primitive_is_listed_and_named_once() -> None:
    def leaves(kind: type[Primitive]) -> set[type[Primitive]]:
        return {leaf for sub in kind.__subclasses__() for leaf in leaves(sub)} or {kind}

    assert leaves(Primitive) == set(PRIMITIVES)
    assert Pool not in PRIMITIVES
    assert len({primitive.kind for primitive in PRIMITIVES}) == len(PRIMITIVES)
