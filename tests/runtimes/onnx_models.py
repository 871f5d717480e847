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


def with_a_loop(*, inside: str = "graph") -> onnx.ModelProto:
    """The same net behind a loop that does not end, in the graph, in a branch or in a function."""
    true = helper.make_node("Constant", [], ["true"], value=numpy_helper.from_array(np.array(True)))
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["goes"]), helper.make_node("Identity", ["held"], ["holds"])], "body",
        [
            helper.make_tensor_value_info("number", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("held", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("goes", TensorProto.BOOL, []),
            helper.make_tensor_value_info("holds", TensorProto.FLOAT, None),
        ],
    )  # fmt: skip
    made = model()
    loop = helper.make_node("Loop", ["", "true", "image"], ["looped"], "again", body=body)
    if inside == "branch":
        info = helper.make_tensor_value_info("looped", TensorProto.FLOAT, None)
        branches = {name: helper.make_graph([loop], name, [], [info]) for name in ("then_branch", "else_branch")}
        loop = helper.make_node("If", ["true"], ["looped"], "either", **branches)
    elif inside == "function":
        opsets = [helper.make_opsetid("", 18)]
        made.functions.append(helper.make_function("own", "Again", ["image"], ["looped"], [true, loop], opsets))
        made.opset_import.append(helper.make_opsetid("own", 1))
        loop = helper.make_node("Again", ["image"], ["looped"], "call", domain="own")
    made.graph.node[0].input[0] = "looped"
    nodes = [true, loop, *made.graph.node] if inside != "function" else [loop, *made.graph.node]
    del made.graph.node[:]
    made.graph.node.extend(nodes)
    return made
