"""ONNX Runtime: sessions on the provider that was asked for, never silently on another."""

from __future__ import annotations

import contextlib
import ctypes
import re
import sys
from collections.abc import Callable, Sequence
from functools import cache
from types import FunctionType
from typing import Any, ClassVar

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as states

from genocc.errors import TargetError
from genocc.runtimes.base import Array, Infer, InnerValues, LoadedNet, Runtime
from genocc.runtimes.compiled_file import CompiledFile, Port
from genocc.runtimes.onnx_files import OnnxFile, first_line, remove_bias, with_outputs

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
"""Name of a provider in commands -> its name in ONNX Runtime."""

RUNTIME = f"ONNX Runtime {onnxruntime.__version__}"
"""Its name and version, for messages."""

onnxruntime.disable_telemetry_events()  # for Windows; elsewhere it comes too late, and `genocc/__init__.py` acts

_CANNOT_LOAD = (states.Fail, states.InvalidArgument, states.InvalidGraph, states.InvalidProtobuf, states.NotImplemented)
_SILENT = 4


class OnnxRuntime(Runtime):
    """ONNX Runtime, on the CPU, on CUDA or through TensorRT."""

    name: ClassVar[str] = "onnxruntime"
    title: ClassVar[str] = "ONNX Runtime"
    reads: ClassVar[tuple[str, ...]] = (".onnx",)
    providers: ClassVar[tuple[str, ...]] = tuple(PROVIDERS)

    def version(self) -> str | None:
        return str(onnxruntime.__version__)

    def lacks(self, provider: str = "cpu") -> str | None:
        name = PROVIDERS[provider]
        if name not in onnxruntime.get_available_providers():
            return f"provider {provider}: this ONNX Runtime is built without {name}; install one that has it"
        if (provider != "cpu" and not prepare_cuda()) or (provider == "tensorrt" and not _has_tensorrt()):
            return _unusable(provider)
        return None

    def load(self, file: CompiledFile, provider: str = "cpu", threads: int | None = None) -> LoadedNet:
        self.check(file, provider)
        assert isinstance(file, OnnxFile)
        whole = session(file.content, provider, file.where, threads)

        def infer(images: Array) -> Array:
            return run(whole, images, file.where)

        def response() -> Infer:
            model = remove_bias(file.model, file.where).SerializeToString()
            biasless = session(model, provider, file.where, threads)
            return lambda images: run(biasless, images, file.where)

        def load_inner(names: Sequence[str]) -> Callable[[Array], list[Array]]:
            shown = session(with_outputs(file.model, names).SerializeToString(), provider, file.where, threads)
            return lambda images: run_all(shown, images, file.where)

        def inner() -> InnerValues:
            return InnerValues(frozenset(name for node in file.model.graph.node for name in node.output), load_inner)

        inputs, outputs = (
            [Port(v.name, v.shape, v.type) for v in vs] for vs in (whole.get_inputs(), whole.get_outputs())
        )
        return LoadedNet(infer, response, whole.get_providers()[0], inputs, outputs, inner)


ONNX_RUNTIME = OnnxRuntime()


def session(
    model: bytes, provider: str = "cpu", where: str = "model", threads: int | None = None
) -> onnxruntime.InferenceSession:
    """Returns a session whose every node runs on one provider, in full float32 precision (no TF32).

    Args:
        model: Content of an ONNX file.
        provider: A key of ``PROVIDERS``.
        where: The file, for messages.
        threads: For timing: so many, which are busy while they wait. Without it they sleep, and their number is ONNX
            Runtime's own.

    Raises:
        TargetError: The provider is unknown, not available or cannot run every node, or ONNX Runtime refuses the model.
    """
    if provider not in PROVIDERS:
        raise TargetError(f"unknown provider '{provider}'; expected one of {', '.join(PROVIDERS)}")
    name = PROVIDERS[provider]
    if reason := ONNX_RUNTIME.lacks(provider):
        raise TargetError(reason)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _SILENT  # what it would log is raised below
    if threads is None:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    else:
        options.intra_op_num_threads = threads
    if provider != "cpu":
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    settings = [{"use_tf32": "0"}] if provider == "cuda" else [{}]
    try:
        made = onnxruntime.InferenceSession(model, options, [name], settings, enable_fallback=0)
    except _CANNOT_LOAD as error:
        if "fallback to CPU EP has been explicitly disabled" in str(error):
            raise TargetError(_unusable(provider)) from None
        raise TargetError(f"{where}: {RUNTIME} cannot load it: {_reason(error)}") from None
    if made.get_providers()[0] != name:
        raise TargetError(_unusable(provider))
    return made


def _unusable(provider: str) -> str:
    return f"provider {provider}: {PROVIDERS[provider]} cannot be used on this machine; try cpu"


def run(made: onnxruntime.InferenceSession, images: NDArray[Any], where: str = "model") -> NDArray[Any]:
    """Returns the one output of a session with one input; raises TargetError where ONNX Runtime fails."""
    outputs = run_all(made, images, where)
    if len(outputs) != 1:
        raise TargetError(f"{where}: {RUNTIME} cannot run it: it has {len(outputs)} outputs; expected one")
    return outputs[0]


def run_all(made: onnxruntime.InferenceSession, images: NDArray[Any], where: str = "model") -> list[NDArray[Any]]:
    """Returns the outputs of a session with one input; raises TargetError where ONNX Runtime fails."""
    try:
        return [np.asarray(output) for output in made.run(None, {made.get_inputs()[0].name: images})]
    except Exception as error:  # of any class: the file may be damaged
        raise TargetError(f"{where}: {RUNTIME} cannot run it: {first_line(error)}") from None


def _reason(error: Exception) -> str:
    """ONNX Runtime's message without its status code and C++ signature."""
    return re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : |/onnxruntime_src/.*?\) (?=[A-Z])", "", first_line(error))


@cache
def prepare_cuda() -> bool:
    """Loads the libraries that CUDA's provider needs, and returns whether there is a GPU.

    Silently: without a GPU, ONNX Runtime would print its complaints through a logger whose level can be set for the
    whole program, and not be put back; and its loader of libraries prints on standard output, which is the program's.
    """
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count = ctypes.c_int(0)
        if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
            return False
    except OSError:
        return False
    load = onnxruntime.preload_dlls
    FunctionType(load.__code__, {**load.__globals__, "print": _ignore}, load.__name__, load.__defaults__)()
    return True


@cache
def _has_tensorrt() -> bool:
    """Whether TensorRT's own library is there: without it, ONNX Runtime prints its complaints (see `prepare_cuda`)."""
    names = [f"nvinfer_{n}.dll" if sys.platform == "win32" else f"libnvinfer.so.{n}" for n in (10, 11)]
    for name in names:
        with contextlib.suppress(OSError):
            ctypes.CDLL(name)
            return True
    return False


def _ignore(*_: object, **__: object) -> None:
    """Replaces ``print``."""
