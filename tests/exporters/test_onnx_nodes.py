"""What each primitive becomes in ONNX computes what the primitive does."""

from __future__ import annotations

import numpy as np
import pytest

import genocc
from genocc import Genotype
from genocc.errors import TargetError
from genocc.exporters.onnx import OnnxExporter, check
from genocc.exporters.onnx_nodes import EMITTERS
from genocc.graph import GraphBuilder
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
    Primitive,
    Relu,
    ShiftPad,
    Slice,
    Zero,
)
from tests.exporters.onnx_models import SMALL, net_of, run_reference, run_runtime
from tests.reference import evaluate, random_image, random_parameters, relative_error


def test_the_table_has_no_hole() -> None:
    assert EMITTERS.keys() == set(PRIMITIVES)


MAPS: dict[str, Primitive] = {
    "conv": Conv2d(6, (3, 3), (1, 1), (1, 1, 1, 1)),
    "conv, rectangular, strided, with bias": Conv2d(6, (1, 5), (2, 1), (0, 2, 0, 2), bias=True),
    "conv, depthwise, dilated": Conv2d(4, (3, 3), (2, 2), (2, 2, 2, 2), dilation=2, groups=4),
    "conv, padded on one side": Conv2d(6, (2, 2), (2, 2), (0, 0, 1, 1)),
    "batch norm": BatchNorm(),
    "batch norm without affine": BatchNorm(affine=False, epsilon=1e-3),
    "relu": Relu(),
    "max pool": MaxPool(3, 2, 1),
    "avg pool": AvgPool(3, 2, 1),
    "shift pad": ShiftPad(),
    "slice": Slice(1, 3),
    "zero": Zero(6, (2, 1)),
}


@pytest.mark.parametrize("opset", [17, 18, 26])
@pytest.mark.parametrize("primitive", MAPS.values(), ids=MAPS.keys())
def test_every_primitive_of_maps(primitive: Primitive, opset: int, darts_v2: Genotype) -> None:
    """On a map of odd height and even width, between an addition of three values and a concat."""
    b = GraphBuilder()
    image = b.add("image", Input(4, 7, 6))
    total = b.add("sum", Add(), image, b.add("relu", Relu(), image), image)
    value = b.add("tested", primitive, total)
    both = b.add("both", Concat(), value, value)
    graph = b.build(logits=b.add("classifier", Linear(3), b.add("mean", GlobalMean(), both)))
    parameters, x = random_parameters(graph), random_image(graph)
    model = OnnxExporter(opset=opset).model(net_of(graph, parameters, darts_v2))
    check(model)
    expected = evaluate(graph, parameters, x)
    assert relative_error({"logits": run_reference(model, x)}, expected) < 1e-10
    single = OnnxExporter(opset=opset).model(
        net_of(graph, {name: array.astype(np.float32) for name, array in parameters.items()}, darts_v2)
    )
    assert relative_error({"logits": run_runtime(single, x.astype(np.float32))}, expected) < 1e-5


def test_training_graphs_are_refused(darts_v2: Genotype) -> None:
    graph = genocc.lower(darts_v2, SMALL, training=True)
    assert any(isinstance(node.primitive, DropPath) for node in graph.nodes.values())
    with pytest.raises(TargetError, match=r"cells\.0\.\S+drop_path: drop path exists in training only"):
        OnnxExporter().model(net_of(graph, random_parameters(graph), darts_v2))
