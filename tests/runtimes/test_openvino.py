"""OpenVINO: in float32, on the threads that were asked for, and without a word to anybody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from onnx import helper, numpy_helper

from genocc.errors import TargetError
from genocc.runtimes import openvino
from genocc.runtimes.onnx_files import OnnxFile
from genocc.runtimes.openvino import OPENVINO
from tests.runtimes.onnx_models import IMAGES, logits, model, with_a_loop

pytestmark = pytest.mark.skipif(OPENVINO.lacks() is not None, reason=str(OPENVINO.lacks()))

SPY = """
import json, sys
events = []
sys.addaudithook(lambda event, arguments: events.append(event) if event in (
    "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request", "subprocess.Popen") else None)
from genocc.runtimes.openvino import openvino
from tests.runtimes.onnx_models import model
package = openvino()
package.Core().compile_model(package.Core().read_model(model().SerializeToString()), "CPU")
package.convert_model  # what a notebook needs of it is there
import openvino_telemetry
"""


def test_nothing_is_sent_unasked(tmp_path: Path) -> None:
    """Its import alone would report to its makers, and keep an identifier in the home folder."""
    environment = {name: text for name, text in os.environ.items() if name not in ("CI", "TF_BUILD", "JENKINS_URL")}
    script = SPY.replace(
        "import openvino_telemetry", 'print(json.dumps(events), "openvino_telemetry.main" in sys.modules)'
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={**environment, "HOME": str(tmp_path)}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout == f"{json.dumps([])} False\n"
    assert not list(tmp_path.rglob("*ga_cid*"))


def test_what_reports_stays_hidden() -> None:
    hidden = subprocess.run([sys.executable, "-c", SPY], capture_output=True, text=True, check=False)
    assert hidden.returncode == 1
    assert "import of openvino_telemetry halted" in hidden.stderr


INTERRUPTED = """
import faulthandler, gc, signal
faulthandler.enable()  # has a stack of its own for signal handlers, which OpenVINO's CPU plugin replaces
from genocc.runtimes.onnx_files import OnnxFile
from genocc.runtimes.openvino import OPENVINO
from tests.runtimes.onnx_models import IMAGES, model
OPENVINO.load(OnnxFile("a.onnx", model().SerializeToString())).observe(IMAGES)  # compiles twice
gc.collect()
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    signal.raise_signal(signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
"""


def test_a_signal_after_it_has_run_ends_no_process() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "interrupted\n")


def test_it_computes_in_float32_on_so_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    real = openvino._compiled
    monkeypatch.setattr(openvino, "_compiled", lambda *rest: made.append(real(*rest)) or made[-1])
    file = OnnxFile("a.onnx", model().SerializeToString())
    outputs, response = OPENVINO.load(file, threads=1).observe(IMAGES)
    np.testing.assert_allclose(outputs, logits(), rtol=1e-6)
    np.testing.assert_allclose(response, logits(bias=False), rtol=1e-6)
    for one in made:
        assert str(one.get_property("INFERENCE_PRECISION_HINT")) == "<Type: 'float32'>"
        assert one.get_property("INFERENCE_NUM_THREADS") == 1


def test_what_it_cannot_load_or_run_is_one_line() -> None:
    broken = model()
    broken.graph.node[0].op_type = "Nonsense"
    with pytest.raises(TargetError, match=r"^a\.onnx: OpenVINO cannot load it: ") as caught:
        OPENVINO.load(OnnxFile("a.onnx", broken.SerializeToString()))
    assert len(str(caught.value).splitlines()) == 1
    with pytest.raises(TargetError, match=r"^a\.onnx: OpenVINO cannot run it: ") as caught:
        OPENVINO.load(OnnxFile("a.onnx", model().SerializeToString())).infer(IMAGES[:, :2])
    assert len(str(caught.value).splitlines()) == 1


def test_files_are_parsed_within_limits_first() -> None:
    with pytest.raises(TargetError, match="is a Loop, which may run for ever"):
        OPENVINO.load(OnnxFile("a.onnx", with_a_loop().SerializeToString()))


def quantized_input() -> OnnxFile:
    """A net whose image is quantized."""
    made = model()
    scale = [numpy_helper.from_array(np.float32(0.1), "scale"), numpy_helper.from_array(np.uint8(0), "zero")]
    made.graph.initializer.extend(scale)
    made.graph.node[0].input[0] = "image_dequantized"
    for number, (op, x, y) in enumerate(
        (("QuantizeLinear", "image", "image_quantized"), ("DequantizeLinear", "image_quantized", "image_dequantized"))
    ):
        made.graph.node.insert(number, helper.make_node(op, [x, "scale", "zero"], [y], op))
    return OnnxFile("a.onnx", made.SerializeToString())


def test_a_quantized_file_is_tried_in_another_process_first(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda *rest, **named: calls.append(rest) or real(*rest, **named))
    for _ in range(2):
        assert OPENVINO.load(quantized_input()).infer(np.abs(IMAGES)).shape == logits().shape
    assert len(calls) == 1


def test_a_quantized_file_that_ends_the_process_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As OpenVINO 2026.4 does with quantized nets whose ReLUs are not shared."""
    monkeypatch.setattr(openvino, "_TRIAL", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setattr(openvino, "_TRIED", set())
    with pytest.raises(TargetError, match=r"^a\.onnx: is quantized, and ends the process of OpenVINO .* onnxruntime$"):
        OPENVINO.load(quantized_input())


def test_where_it_is_not_installed_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino.importlib.util, "find_spec", lambda name: None)
    assert OPENVINO.lacks() == "OpenVINO is not installed: pip install 'genocc[openvino]'"
