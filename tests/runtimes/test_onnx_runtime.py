"""ONNX Runtime: the provider that was asked for or an error, and errors of one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from genocc.errors import TargetError
from genocc.runtimes import onnx_runtime
from genocc.runtimes.onnx_runtime import PROVIDERS, RUNTIME, run, session
from tests.runtimes.onnx_models import IMAGES, logits, model

CONTENT = model().SerializeToString()


@pytest.mark.parametrize("batch", [1, 2])
def test_a_session_gives_the_output(batch: int) -> None:
    made = session(CONTENT)
    assert made.get_providers() == ["CPUExecutionProvider"]
    np.testing.assert_allclose(run(made, IMAGES[:batch]), logits()[:batch], rtol=1e-6)


def test_nothing_is_sent_unasked(tmp_path: Path) -> None:
    """What it would send waits in the home folder, beside an identifier; in CI it sends nothing by itself."""
    unset = {"CI", "TF_BUILD", "GITHUB_ACTIONS", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"}
    environment = {name: text for name, text in os.environ.items() if name not in unset} | {"HOME": str(tmp_path)}
    script = f"from genocc.runtimes.onnx_runtime import session; session({CONTENT!r})"
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)
    assert not list(tmp_path.iterdir())


def test_unknown_providers_are_refused() -> None:
    with pytest.raises(TargetError, match=r"^unknown provider 'tpu'; expected one of cpu, cuda, tensorrt$"):
        session(CONTENT, "tpu")


def test_a_provider_that_this_build_lacks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(TargetError, match=r"^provider cuda: this ONNX Runtime is built without CUDAExecutionProvider"):
        session(CONTENT, "cuda")


@pytest.mark.parametrize("found", ["another", "an error"])
def test_a_session_on_another_provider_is_no_fallback(found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a machine whose ONNX Runtime has CUDA, and which has no GPU."""
    options, asked = [], []

    class Session:
        def __init__(self, model: bytes, option: object, providers: list[str], settings: object, **_: object) -> None:
            options.append(option)
            asked.append((providers, settings))
            if found == "an error":
                from onnxruntime.capi.onnxruntime_pybind11_state import Fail

                raise Fail("node Conv: fallback to CPU EP has been explicitly disabled by the user")

        def get_providers(self) -> list[str]:
            return ["CPUExecutionProvider"]

    monkeypatch.setattr(onnxruntime, "get_available_providers", PROVIDERS.values)
    monkeypatch.setattr(onnx_runtime, "prepare_cuda", lambda: True)
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    with pytest.raises(TargetError, match=r"^provider cuda: CUDAExecutionProvider cannot be used on this machine; try"):
        session(CONTENT, "cuda")
    assert asked == [(["CUDAExecutionProvider"], [{"use_tf32": "0"}])]  # full precision
    assert options[0].get_session_config_entry("session.disable_cpu_ep_fallback") == "1"


def test_what_it_cannot_load_is_one_line_without_its_codes(capfd: pytest.CaptureFixture[str]) -> None:
    broken = model()
    broken.graph.node[0].op_type = "Nonsense"
    with pytest.raises(TargetError, match=r"^a\.onnx: ONNX Runtime [\d.]+ cannot load it: .*Nonsense") as caught:
        session(broken.SerializeToString(), where="a.onnx")
    assert len(str(caught.value).splitlines()) == 1
    assert "ONNXRuntimeError" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_what_it_cannot_run_is_one_line() -> None:
    with pytest.raises(TargetError, match=rf"^a\.onnx: {RUNTIME} cannot run it: ") as caught:
        run(session(CONTENT), IMAGES[:, :2], "a.onnx")
    assert len(str(caught.value).splitlines()) == 1


def test_without_a_gpu_the_provider_is_refused_in_silence(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", PROVIDERS.values)
    monkeypatch.setattr(onnx_runtime.ctypes, "CDLL", lambda *_, **__: Driver(0))
    onnx_runtime.prepare_cuda.cache_clear()
    with pytest.raises(TargetError, match=r"^provider cuda: CUDAExecutionProvider cannot be used on this machine; try"):
        session(CONTENT, "cuda")
    onnx_runtime.prepare_cuda.cache_clear()
    assert capfd.readouterr() == ("", "")


def test_what_the_loader_of_libraries_prints_is_dropped_and_standard_output_stays(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(onnxruntime, "preload_dlls", preload_dlls)
    monkeypatch.setattr(onnx_runtime.ctypes, "CDLL", lambda *_, **__: Driver(1))
    onnx_runtime.prepare_cuda.cache_clear()
    assert onnx_runtime.prepare_cuda()
    onnx_runtime.prepare_cuda.cache_clear()
    assert [(True, sys.stdout)] == LOADED
    assert capfd.readouterr() == ("", "")


LOADED: list[tuple[bool, object]] = []


def preload_dlls(cuda: bool = True) -> None:
    """As ONNX Runtime's: a function of a module."""
    print("Failed to load")
    LOADED.append((cuda, sys.stdout))


class Driver:
    """A CUDA driver that knows of so many devices."""

    def __init__(self, devices: int) -> None:
        self.devices = devices

    def cuInit(self, flags: int) -> int:  # noqa: N802
        return 0

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
        count._obj.value = self.devices
        return 0
