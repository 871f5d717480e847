"""ONNX's reference evaluator: numpy and Python loops, slow, and independent of every other runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from genocc.errors import TargetError
from genocc.runtimes.onnx_files import classifier, first_line

RUNTIME = "ONNX reference evaluator"
"""Its name, for messages."""

Array = NDArray[Any]


def interpret(model: onnx.ModelProto, images: Array, where: str) -> tuple[Array, Array]:
    """Runs a model once for both of what a verification compares.

    Args:
        model: Of a parsed file; see `onnx_files.parse`.
        images: (N, C, H, W), of the type that the model takes.
        where: The file, for messages.

    Returns:
        The outputs, and the logits without the classifier's bias; (N, classes) each.

    Raises:
        TargetError: The model has no classifier, or the evaluator fails.
    """
    node, weight, _ = classifier(model, where)
    try:
        values = ReferenceEvaluator(model).run(None, {"image": images}, intermediate=True)
    except Exception as error:  # of any class: the file may be damaged
        raise TargetError(f"{where}: {RUNTIME} cannot run it: {first_line(error)}") from None
    features = np.asarray(values[node.input[0]])
    return np.asarray(values[model.graph.output[0].name]), features @ numpy_helper.to_array(weight).T
