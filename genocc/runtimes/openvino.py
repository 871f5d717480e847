"""OpenVINO on the CPU, in the precision that a file says and no other, and without its telemetry."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar

import numpy as np

from genocc.errors import TargetError
from genocc.precision import FLOAT32
from genocc.runtimes.base import Array, Infer, InnerValues, LoadedNet, Runtime
from genocc.runtimes.compiled_file import CompiledFile, Port
from genocc.runtimes.onnx_files import OnnxFile, first_line
from genocc.runtimes.openvino_files import OpenVinoFile

_TYPES = {"f32": "tensor(float)", "f16": "tensor(float16)", "u8": "tensor(uint8)"}
_UNITS = {"bfloat16": ("BF16", "bf16"), "float16": ("FP16", "f16")}
"""Precision of a file -> what OpenVINO calls the processor's ability, and the type."""


class OpenVino(Runtime):
    """OpenVINO's CPU plugin."""

    name: ClassVar[str] = "openvino"
    title: ClassVar[str] = "OpenVINO"
    reads: ClassVar[tuple[str, ...]] = (".xml", ".onnx")

    def version(self) -> str | None:
        try:
            return version("openvino")
        except PackageNotFoundError:
            return None

    def lacks(self, provider: str = "cpu") -> str | None:
        if importlib.util.find_spec("openvino") is None:
            return "OpenVINO is not installed: pip install 'genocc[openvino]'"
        try:
            openvino()
        except ImportError as error:
            return f"OpenVINO cannot be loaded: {first_line(error)}"
        return None

    def load(self, file: CompiledFile, provider: str = "cpu", threads: int | None = None) -> LoadedNet:
        self.check(file, provider)
        assert isinstance(file, (OpenVinoFile, OnnxFile))
        precision = file.metadata.get("precision", FLOAT32)  # which looks at the whole file first
        contents = (file.xml, file.weights) if isinstance(file, OpenVinoFile) else (file.content,)
        model = _model(file.where, *contents)
        if any(node.get_type_name() == "FakeQuantize" for node in model.get_ordered_ops()):
            _try_elsewhere(file.where, contents)
        kind, provider = _computes_in(precision)
        whole = _compiled(model, file.where, threads, kind)

        def response() -> Infer:
            return _inference(_compiled(_without_bias(model, file.where), file.where, threads, kind), file.where)

        def load_inner(names: Sequence[str]) -> Callable[[Array], list[Array]]:
            shown = _compiled(_with_outputs(model, names), file.where, threads, kind)
            return lambda images: [np.array(value) for value in shown([images]).to_tuple()]

        def inner() -> InnerValues:
            return InnerValues(frozenset(_inner_values(model)), load_inner)

        inputs, outputs = ([_port(port) for port in ports] for ports in (model.inputs, model.outputs))
        return LoadedNet(_inference(whole, file.where), response, provider, inputs, outputs, inner)


OPENVINO = OpenVino()


def openvino() -> Any:
    """Returns the package, whose import would report to its makers unless what reports is hidden from it.

    It stays hidden for the rest of the program, so that other packages of theirs (NNCF) do not report either.

    Raises:
        ImportError: It is not installed, or cannot be loaded.
    """
    if "openvino" not in sys.modules:
        before = sys.modules.get(_REPORTS)
        sys.modules[_REPORTS] = None  # type: ignore[assignment]  # documented: an import of it fails
        try:
            import openvino
        finally:
            if before is not None:
                sys.modules[_REPORTS] = before
    import openvino

    return openvino


@cache
def core() -> Any:
    """Returns OpenVINO's one and only core, which is never given up.

    Each core sets a stack for signal handlers and puts back what it found: of two that overlap, one that is gone. Where
    there was one at first, such as faulthandler's, the next signal would end the process (OpenVINO 2026.4).
    """
    return openvino().Core()


_REPORTS = "openvino_telemetry"


def _model(where: str, *contents: bytes) -> Any:
    """OpenVINO's model of the contents of a file, or of two."""
    try:
        return core().read_model(*contents)
    except RuntimeError as error:
        raise TargetError(f"{where}: OpenVINO cannot load it: {_reason(error)}") from None


def _try_elsewhere(where: str, contents: Sequence[bytes]) -> None:
    """Compiles and runs a quantized net in another process: some of them end the process (OpenVINO 2026.4)."""
    key = hashlib.sha256(b"".join(contents)).hexdigest()
    if key in _TRIED:
        return
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    sizes = ",".join(str(len(part)) for part in contents)
    command = [sys.executable, "-c", _TRIAL, sizes]
    done = subprocess.run(command, env=environment, input=b"".join(contents), capture_output=True)
    if done.returncode < 0 or done.returncode > 2:
        raise TargetError(
            f"{where}: is quantized, and ends the process of OpenVINO while it is compiled (a fault of OpenVINO's, "
            "as with nets whose batch normalization is not folded); use --runtime onnxruntime"
        )
    _TRIED.add(key)


_TRIED: set[str] = set()
_TRIAL = """
import sys
sys.modules["openvino_telemetry"] = None
import numpy, openvino
content = sys.stdin.buffer.read()
parts = []
for size in map(int, sys.argv[1].split(",")):
    parts.append(content[:size])
    content = content[size:]
core = openvino.Core()
net = core.compile_model(core.read_model(*parts), "CPU", {"INFERENCE_PRECISION_HINT": openvino.Type.f32})
(port,) = net.inputs
shape = [size.get_length() if size.is_static else 1 for size in port.partial_shape]
net([numpy.zeros(shape, port.element_type.to_dtype())])
"""


def _computes_in(precision: str) -> tuple[str, str]:
    """The type in which the CPU computes a file's floats, and the provider's name, which says it."""
    if precision not in _UNITS:
        return "f32", "CPU" if precision == FLOAT32 else f"CPU, {precision}"
    ability, kind = _UNITS[precision]
    if ability in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        return kind, f"CPU, {precision}"
    return "f32", f"CPU, float32 (it has no {precision} units)"


def _compiled(model: Any, where: str, threads: int | None, kind: str = "f32") -> Any:
    settings: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": kind,  # it would prefer bfloat16 on processors that have it
        "PERFORMANCE_HINT": "LATENCY",
        "ENABLE_CPU_PINNING": False,  # two programs would be pinned to the same core
    }
    if threads is not None:
        settings["INFERENCE_NUM_THREADS"] = threads
    try:
        return core().compile_model(model, "CPU", settings)
    except RuntimeError as error:
        raise TargetError(f"{where}: OpenVINO cannot compile it: {_reason(error)}") from None


def _inference(compiled: Any, where: str) -> Infer:
    request = compiled.create_infer_request()

    def infer(images: Array) -> Array:
        try:
            (output,) = request.infer([images]).values()
        except Exception as error:  # of any class: the file may be damaged
            raise TargetError(f"{where}: OpenVINO cannot run it: {_reason(error)}") from None
        return np.array(output)

    return infer


def _without_bias(model: Any, where: str) -> Any:
    """A copy whose output is the classifier's matrix product, so the logits without bias, nor a softmax."""
    copy = model.clone()
    for node in reversed(copy.get_ordered_ops()):
        if node.get_type_name() == "MatMul":
            return openvino().Model([node.output(0)], copy.get_parameters(), "response")
    raise TargetError(f"{where}: does not end in a classifier with a bias, as every net of genocc does")


def _inner_values(model: Any) -> dict[str, Any]:
    """Name of a value -> OpenVINO's output of it."""
    return {name: port for node in model.get_ordered_ops() for port in node.outputs() for name in port.get_names()}


def _with_outputs(model: Any, names: Sequence[str]) -> Any:
    """A copy whose outputs are inner values, by name."""
    copy = model.clone()
    values = _inner_values(copy)
    return openvino().Model([values[name] for name in names], copy.get_parameters(), "inner values")


def _port(port: Any) -> Port:
    name, kind = port.get_any_name(), port.get_element_type().get_type_name()
    shape = [size.get_length() if size.is_static else None for size in port.get_partial_shape()]
    return Port(name, shape, _TYPES.get(kind, f"tensor({kind})"))


def _reason(error: Exception) -> str:
    """The last line of OpenVINO's message: those before it name lines of its own source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
