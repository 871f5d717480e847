"""ONNX files as their runtimes read them: parsed, in one piece, and ending in a classifier."""

from __future__ import annotations

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper

from genocc.errors import TargetError

MAX_BYTES = 2**31 - 1
"""Size limit of an ONNX file: that of its encoding (protocol buffers)."""


def parse(content: bytes, where: str) -> onnx.ModelProto:
    """Returns the model of a file that holds its weights itself; raises TargetError."""
    try:
        model = onnx.load_from_string(content)
    except DecodeError:
        raise TargetError(f"{where}: not an ONNX file, or a damaged one") from None
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer):
        raise TargetError(f"{where}: keeps its weights in other files, which genocc never does; expected a single file")
    return model


def classifier(model: onnx.ModelProto, where: str) -> tuple[onnx.NodeProto, onnx.TensorProto, onnx.TensorProto]:
    """Returns the node of the classifier, its weight and its bias; raises TargetError where there is none."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in reversed(model.graph.node):
        if node.op_type == "Gemm" and len(node.input) == 3 and {*node.input[1:]} <= tensors.keys():
            return node, tensors[node.input[1]], tensors[node.input[2]]
        if node.op_type != "Softmax":
            break
    raise TargetError(f"{where}: does not end in a classifier with a bias, as every net of genocc does")


def without_bias(model: onnx.ModelProto, where: str) -> onnx.ModelProto:
    """Returns a copy whose output is the logits without the classifier's bias, nor a softmax; raises TargetError."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    node, _, bias = classifier(copy, where)
    bias.CopyFrom(numpy_helper.from_array(np.zeros_like(numpy_helper.to_array(bias)), bias.name))
    if copy.graph.node[-1] != node:
        copy.graph.node.pop()
        copy.graph.output[0].name = node.output[0]
        del copy.graph.value_info[:]  # the new output must not be listed as an inner value as well
    return copy


def first_line(error: Exception) -> str:
    """Returns the first line of a runtime's message, or the error's class if the message is empty."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
