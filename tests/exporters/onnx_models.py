"""Models of any graph, and what they compute in two runtimes."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from genocc import Genotype, Graph, NetworkConfig
from genocc.passes import Parameters
from genocc.runtimes.onnx_runtime import session
from genocc.targets import CompiledNet

SMALL = NetworkConfig(channels=4, layers=3)


def net_of(graph: Graph, parameters: Any, genotype: Genotype, config: NetworkConfig = SMALL) -> CompiledNet:
    """A graph of any kind as the exporter takes it."""
    return CompiledNet(genotype, config, graph, Parameters.of(parameters), (), True, 0, graph, parameters)


def run_runtime(model: onnx.ModelProto, image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    (output,) = session(model.SerializeToString()).run(None, {"image": image})
    return np.asarray(output)


def run_reference(model: onnx.ModelProto, image: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    (output,) = ReferenceEvaluator(model).run(None, {"image": image})
    return np.asarray(output)
