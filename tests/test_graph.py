"""The primitive graph: shapes, order, text, and that nothing unsound can be built."""

from __future__ import annotations

from dataclasses import replace

import pytest

from genocc.errors import InternalError
from genocc.graph import Graph, GraphBuilder, Node
from genocc.primitives import (
    Add,
    BatchNorm,
    Concat,
    Conv2d,
    Input,
    Relu,
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
