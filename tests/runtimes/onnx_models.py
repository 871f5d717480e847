"""Small ONNX models whose outputs can be worked out by hand."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WEIGHT = np.array([[1, 0, 2], [0, 3, 0]], np.float32)
BIAS = np.array([100, 0], np.float32)
IMAGES = np.arange(12, dtype=np.float32).reshape(2, 3, 1, 2)
FEATURES = IMAGES.mean((2, 3))


def model(*, softmax: bool = False) -> onnx.ModelProto:
    """A net that is a head alone: global mean, classifier, and a softmax if there shall be one."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["mean"], "mean"),
        helper.make_node("Flatten", ["mean"], ["features"], "features"),
        helper.make_node("Gemm", ["features", "weight", "bias"], ["logits"], "classifier", transB=1),
    ]
    values = [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", 3])]
    output = "logits"
    if softmax:
        nodes.append(helper.make_node("Softmax", ["logits"], ["probabilities"], "softmax", axis=1))
        values.append(helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2]))
        output = "probabilities"
    graph = helper.make_graph(
        nodes, "head", [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 3, "height", "width"])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(WEIGHT, "weight"), numpy_helper.from_array(BIAS, "bias")], value_info=values,
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(made, full_check=True)
    return made


def logits(bias: bool = True) -> np.ndarray:
    """What the classifier gives for ``IMAGES``."""
    return FEATURES @ WEIGHT.T + (BIAS if bias else 0)


def probabilities() -> np.ndarray:
    powers = np.exp(logits() - logits().max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)
