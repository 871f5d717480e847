"""The tests' own evaluator: complete, and right where it could most easily be wrong."""

import numpy as np
import pytest

from genocc.graph import Graph, GraphBuilder
from genocc.primitives import PRIMITIVES, AvgPool, BatchNorm, Conv2d, Input, Primitive, ShiftPad
from tests import reference

IMAGE = np.arange(1.0, 10.0).reshape(1, 1, 3, 3)


def alone(primitive: Primitive) -> Graph:
    builder = GraphBuilder()
    return builder.build(y=builder.add("f", primitive, builder.add("x", Input(1, 3, 3))))


def test_has_every_primitive() -> None:
    assert set(reference.TABLE) == set(PRIMITIVES)


@pytest.mark.parametrize(
    ("primitive", "expected"),
    [
        (ShiftPad(), [[5, 6, 0], [8, 9, 0], [0, 0, 0]]),
        (AvgPool(kernel=3, stride=2, padding=1), [[3, 4], [6, 7]]),
        (Conv2d(1, (2, 2), (2, 2), (0, 0, 1, 1)), [[12, 9], [15, 9]]),
    ],
)
def test_by_hand(primitive: Primitive, expected: list[list[float]]) -> None:
    graph = alone(primitive)
    ones = {name: np.ones(shape) for name, shape in graph.parameters().items()}
    np.testing.assert_array_equal(reference.evaluate(graph, ones, IMAGE)["y"], [[expected]])


def test_batch_norm_of_running_and_of_batch_statistics() -> None:
    graph = alone(BatchNorm(epsilon=0.0))
    parameters = {"f.weight": 2.0, "f.bias": 1.0, "f.running_mean": 3.0, "f.running_var": 4.0}
    arrays = {name: np.array([value]) for name, value in parameters.items()}
    running = reference.evaluate(graph, arrays, IMAGE)["y"]
    batch = reference.evaluate(graph, arrays, IMAGE, training=True)["y"]
    np.testing.assert_allclose(running, (IMAGE - 3) / 2 * 2 + 1)
    np.testing.assert_allclose(batch, (IMAGE - 5) / np.sqrt(60 / 9) * 2 + 1)


def test_random_parameters_fill_the_graph_and_repeat() -> None:
    graph = alone(BatchNorm())
    arrays = reference.random_parameters(graph, seed=3)
    assert {name: array.shape for name, array in arrays.items()} == {**graph.parameters(), **graph.buffers()}
    assert all((arrays[name] == array).all() for name, array in reference.random_parameters(graph, 3).items())
    assert (arrays["f.running_var"] > 0).all()
