"""ONNX's reference evaluator: numpy and Python loops, slow, and independent of every other runtime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from genocc.errors import TargetError
from genocc.runtimes.base import Array, InnerValues, LoadedNet, Runtime
from genocc.runtimes.compiled_file import CompiledFile
from genocc.runtimes.onnx_files import OnnxFile, classifier, first_line, ports

RUNTIME = "ONNX reference evaluator"
"""Its name, for messages."""
_QUANTIZED = 19
"""The first opset whose quantized operators it implements."""


class OnnxReference(Runtime):
    """ONNX's reference evaluator, on one thread: 1 to 10 seconds per image for nets of full size."""

    name: ClassVar[str] = "reference"
    title: ClassVar[str] = RUNTIME
    reads: ClassVar[tuple[str, ...]] = (".onnx",)
    slow: ClassVar[str] = "a second or more per image"

    def version(self) -> str | None:
        return onnx.__version__

    def lacks(self, provider: str = "cpu") -> str | None:
        return None

    def load(self, file: CompiledFile, provider: str = "cpu", threads: int | None = None) -> LoadedNet:
        self.check(file, provider)
        assert isinstance(file, OnnxFile)
        model = file.model
        opset = max((entry.version for entry in model.opset_import if not entry.domain), default=0)
        if opset < _QUANTIZED and any(node.op_type == "DequantizeLinear" for node in model.graph.node):
            raise TargetError(
                f"{file.where}: is quantized (int8) with opset {opset}; {RUNTIME} has quantized operators from opset "
                f"{_QUANTIZED} on: use --runtime onnxruntime, or compile it with --opset {_QUANTIZED}"
            )
        image = model.graph.input[0].name
        try:
            evaluator = ReferenceEvaluator(model)
        except Exception as error:  # of any class: the file may be damaged
            raise TargetError(f"{file.where}: {RUNTIME} cannot load it: {first_line(error)}") from None

        def infer(images: Array) -> Array:
            try:
                (output,) = evaluator.run(None, {image: images})
            except Exception as error:  # of any class: the file may be damaged
                raise TargetError(f"{file.where}: {RUNTIME} cannot run it: {first_line(error)}") from None
            return np.asarray(output)

        def load_inner(names: Sequence[str]) -> Callable[[Array], list[Array]]:
            def run(images: Array) -> list[Array]:
                values: Any = ReferenceEvaluator(model).run(None, {image: images}, intermediate=True)
                return [np.asarray(values[name]) for name in names]

            return run

        def inner() -> InnerValues:
            return InnerValues(frozenset(name for node in model.graph.node for name in node.output), load_inner)

        return _Interpreted(infer, lambda: lambda images: interpret(model, images, file.where)[1], "cpu", *ports(model),
                            inner, model=model, where=file.where)  # fmt: skip


@dataclass(frozen=True)
class _Interpreted(LoadedNet):
    """Both of what a verification compares come from one run, which is slow."""

    model: onnx.ModelProto | None = None
    where: str = ""

    def observe(self, images: Array) -> tuple[Array, Array]:
        assert self.model is not None
        return interpret(self.model, images, self.where)


REFERENCE = OnnxReference()


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
