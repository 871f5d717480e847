"""ONNX's reference evaluator as a runtime: slow, and independent of every other."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from genocc.errors import TargetError
from genocc.runtimes.onnx_files import classifier

RUNTIME = "ONNX reference evaluator"

Array = NDArray[Any]


def interpret(model: onnx.ModelProto, images: Array, where: str) -> tuple[Array, Array]:
    """Returns the outputs for some images, and the logits without the classifier's bias; raises TargetError."""
    node, weight, _ = classifier(model, where)
    try:
        values = ReferenceEvaluator(model).run(None, {"image": images}, intermediate=True)
    except Exception as error:  # of any class, as above
        raise TargetError(f"{where}: {RUNTIME} cannot run it: {_first_line(error)}") from None
    features = np.asarray(values[node.input[0]])
    return np.asarray(values[model.graph.output[0].name]), features @ numpy_helper.to_array(weight).T


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
