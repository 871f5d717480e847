"""Units: their kinds, contexts and work, on graphs written by hand."""

from __future__ import annotations

from genocc.counting import cost
from genocc.graph import Graph, GraphBuilder
from genocc.latency.units import units
from genocc.lowering import lower
from genocc.network import NetworkConfig
from genocc.primitives import Add, Conv2d, Input, MaxPool, Relu
from genocc.zoo import load


def graph() -> Graph:
    """Two 1x1 convolutions, a strided depthwise one and a pool of it; a sum of three and its ReLU."""
    b = GraphBuilder()
    b.add("image", Input(4, 8, 8))
    b.add("depthwise", Conv2d(4, (3, 3), (2, 2), (1, 1, 1, 1), groups=4), "image")
    b.add("pool", MaxPool(3, 1, 1), "depthwise")
    b.add("first", Conv2d(4, (1, 1)), "pool")
    b.add("active", Relu(), "first")
    b.add("second", Conv2d(4, (1, 1)), "pool")
    b.add("sum", Add(), "active", "second", "depthwise")
    b.add("relu", Relu(), "sum")
    return b.build(y=b.add("last", Relu(), "pool"), z="relu")


def test_kinds_say_what_an_implementation_is_chosen_by() -> None:
    assert [(unit.origin, unit.kind, unit.shapes) for unit in units(graph())] == [
        ("image", "input", "4x8x8"),
        ("depthwise", "conv2d 3x3 stride 2x2 depthwise", "4x8x8>4x4x4 4 groups"),
        ("pool", "max_pool 3x3", "4x4x4>4x4x4"),
        ("first", "conv2d 1x1", "4x4x4>4x4x4"),
        ("active", "relu behind conv", "4x4x4>4x4x4"),
        ("second", "conv2d 1x1", "4x4x4>4x4x4"),
        ("sum", "add behind conv", "4x4x4>4x4x4"),  # of `second`; `depthwise` has another reader
        ("sum", "add", "4x4x4>4x4x4"),
        ("relu", "relu behind add", "4x4x4>4x4x4"),
        ("last", "relu", "4x4x4>4x4x4"),  # a pool is not fused
    ]


def test_work_is_calls_bytes_and_the_macs_of_what_is_dense() -> None:
    work = {unit.origin: unit.work for unit in units(graph())}
    assert work["image"] == (1, 4 * 4 * 8 * 8, 0)
    assert work["depthwise"] == (1, 4 * (4 * 8 * 8 + 4 * 4 * 4 + 4 * 9), 0)
    assert work["first"] == (1, 4 * (64 + 64 + 16), 64 * 4)
    assert work["sum"] == (1, 4 * 3 * 64, 0)  # of each of its two additions


def test_macs_of_dense_units_are_those_that_are_counted() -> None:
    graph = lower(load("darts-v2"), NetworkConfig(channels=8, layers=3, input_size=(16, 16)))
    dense = [node for node in graph.nodes.values() if getattr(node.primitive, "groups", 1) == 1]
    assert sum(unit.work[2] for unit in units(graph)) == cost(dense).macs
