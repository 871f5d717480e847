"""OpenVINO on the CPU, in float32 whatever faster precision the processor has, and without its telemetry."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar

import numpy as np

from genocc.errors import TargetError
from genocc.runtimes.base import Array, Infer, LoadedNet, Runtime
from genocc.runtimes.compiled_file import CompiledFile, Port
from genocc.runtimes.onnx_files import OnnxFile, first_line
from genocc.runtimes.openvino_files import OpenVinoFile

_TYPES = {"f32": "tensor(float)", "u8": "tensor(uint8)"}


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
        file.metadata  # noqa: B018  (to read it looks at the whole file, and so refuses what must not be loaded)
        contents = (file.xml, file.weights) if isinstance(file, OpenVinoFile) else (file.content,)
        model = _model(file.where, *contents)
        _refuse_quantized(model, file.where)
        whole = _compiled(model, file.where, threads)

        def response() -> Infer:
            return _inference(_compiled(_without_bias(model, file.where), file.where, threads), file.where)

        inputs, outputs = ([_port(port) for port in ports] for ports in (model.inputs, model.outputs))
        return LoadedNet(_inference(whole, file.where), response, "CPU", inputs, outputs)


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


def _refuse_quantized(model: Any, where: str) -> None:
    # OpenVINO 2026.4 ends the whole process while it compiles some of them (a quantizer's file of an unfolded net).
    if any(node.get_type_name() == "FakeQuantize" for node in model.get_ordered_ops()):
        raise TargetError(f"{where}: is quantized; genocc runs float nets alone in OpenVINO, use --runtime onnxruntime")


def _compiled(model: Any, where: str, threads: int | None) -> Any:
    ov = openvino()
    settings: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": ov.Type.f32,  # not bfloat16, which it prefers on processors that have it
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


def _port(port: Any) -> Port:
    name, kind = port.get_any_name(), port.get_element_type().get_type_name()
    shape = [size.get_length() if size.is_static else None for size in port.get_partial_shape()]
    return Port(name, shape, _TYPES.get(kind, f"tensor({kind})"))


def _reason(error: Exception) -> str:
    """The last line of OpenVINO's message: those before it name lines of its own source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
