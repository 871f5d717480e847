"""Precisions of targets: float16 and bfloat16 files compute the net, and options that do not fit are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import genocc
from genocc import Genotype, NetworkConfig
from genocc.compiler import compile_net, make_exporter
from genocc.errors import TargetError
from genocc.exporters import openvino as openvino_target
from genocc.exporters import tradeoff
from genocc.exporters.depth import TOLERANCES
from genocc.exporters.onnx import OnnxExporter
from genocc.exporters.verification import verify
from genocc.provenance import Provenance
from genocc.runtimes.files import open_file
from genocc.runtimes.onnx_runtime import ONNX_RUNTIME
from genocc.runtimes.openvino import OPENVINO, core
from tests.reference import random_parameters

needs_openvino = pytest.mark.skipif(OPENVINO.lacks() is not None, reason=str(OPENVINO.lacks()))
TARGETS = ["onnx", pytest.param("openvino", marks=needs_openvino)]
SMALL = NetworkConfig(channels=4, layers=3, input_size=(17, 16))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Timings of one turn: what they say is not tested here."""
    monkeypatch.setattr(tradeoff, "ROUNDS", 1)
    monkeypatch.setattr(tradeoff, "BUDGET", 0.0)


def weights() -> dict[str, Any]:
    graph = genocc.lower(genocc.load("zoo:darts-v2"), SMALL)
    return {name: array.astype(np.float32) for name, array in random_parameters(graph).items()}


def compiled(target: str, folder: Path, **options: Any) -> tuple[Path, Any]:
    path = folder / ("net.onnx" if target == "onnx" else "net.xml")
    done = genocc.compile(genocc.load("zoo:darts-v2"), SMALL, to=target, output=path, weights=weights(), **options)
    return path, done


@pytest.mark.parametrize("target", TARGETS)
def test_float16_files_take_and_return_float32_and_compute_the_net(target: str, tmp_path: Path) -> None:
    path, done = compiled(target, tmp_path, precision="float16", softmax=True)
    assert done.verification.ok
    assert 1e-5 < done.verification.error < TOLERANCES["float16"]
    places = [one.place for one in done.verification.depth]
    assert [place for place in places if place.startswith("cell ")] == ["cell 0", "cell 1", "cell 2"]
    assert done.tradeoff.size < 1  # not half: a tiny net is more names than weights
    loaded = (ONNX_RUNTIME if target == "onnx" else OPENVINO).load(open_file(path))
    assert [port.type for port in (*loaded.inputs, *loaded.outputs)] == ["tensor(float)"] * 2
    assert Provenance.from_metadata(open_file(path).metadata, "net").precision == "float16"
    assert verify(path, weights=weights()).ok


def test_float16_is_the_type_of_every_weight(tmp_path: Path) -> None:
    path, _ = compiled("onnx", tmp_path, precision="float16", verify=False, uint8_input=True, batch=2)
    kinds = {t.data_type for t in onnx.load(path).graph.initializer}
    assert kinds <= {onnx.TensorProto.FLOAT16, onnx.TensorProto.INT64}
    assert verify(path, weights=weights(), batches=(1, 3)).ok


@pytest.mark.parametrize("target", ["onnx", pytest.param("openvino", marks=[needs_openvino, pytest.mark.full])])
def test_half_io(target: str, tmp_path: Path) -> None:
    path, done = compiled(target, tmp_path, precision="float16", half_io=True)
    assert done.verification.ok
    loaded = (ONNX_RUNTIME if target == "onnx" else OPENVINO).load(open_file(path))
    assert [port.type for port in (*loaded.inputs, *loaded.outputs)] == ["tensor(float16)"] * 2
    assert loaded.infer(np.zeros((1, 3, 17, 16), np.float16)).dtype == np.float16


def test_a_changed_weight_of_a_float16_file_is_found(tmp_path: Path) -> None:
    path, _ = compiled("onnx", tmp_path, precision="float16", verify=False)
    model = onnx.load(path)
    tensor = next(t for t in model.graph.initializer if t.name.startswith("cells.1") and t.name.endswith(".weight"))
    tensor.raw_data = (2 * np.frombuffer(tensor.raw_data, np.float16)).tobytes()
    onnx.save(model, path)
    found = verify(path, weights=weights())
    assert not found.ok
    errors = {one.place: one.error for one in found.depth}
    assert errors["cell 0"] < TOLERANCES["float16"] < errors["cell 1"]


@needs_openvino
def test_bfloat16_is_obeyed_where_the_processor_has_it(tmp_path: Path) -> None:
    path, done = compiled("openvino", tmp_path, precision="bfloat16")
    assert done.verification.ok
    if "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        assert done.verification.provider == "CPU, bfloat16"
        assert done.verification.error > 1e-4
    else:
        assert done.verification.provider == "CPU, float32 (it has no bfloat16 units)"
    assert path.with_suffix(".bin").stat().st_size > 0


@needs_openvino
def test_a_processor_without_bfloat16_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from genocc.runtimes import openvino

    class Core:
        def get_property(self, *_: str) -> list[str]:
            return ["FP32", "INT8"]

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    real = core()
    monkeypatch.setattr(openvino, "core", Core)
    _, done = compiled("openvino", tmp_path, precision="bfloat16")
    assert done.verification.provider == "CPU, float32 (it has no bfloat16 units)"
    assert done.verification.error < 1e-4


def test_a_weight_beyond_float16_is_refused(darts_v2: Genotype, tmp_path: Path) -> None:
    arrays = weights()
    arrays["classifier.linear.weight"][0, 0] = 1e5
    with pytest.raises(TargetError, match=r"float16: tensor 'classifier.linear.weight' has values beyond 65,504"):
        genocc.compile(
            darts_v2, SMALL, to="onnx", output=tmp_path / "n.onnx", weights=arrays, precision="float16", verify=False
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "int4"}, "--precision int4: expected one of float32, float16, int8"),
        ({"precision": "bfloat16"}, "--precision bfloat16: target 'onnx' has float32, float16, int8"),
        ({"half_io": True}, "--half-io is for --precision float16; found float32"),
        ({"calibrate": "digits"}, "--calibrate is for --precision int8; found float32"),
        ({"precision": "float16", "max_drop": 1.0}, "--max-drop is for --precision int8; found float16"),
        ({"precision": "int8"}, "--precision int8 needs images, for the ranges of values and for the drop"),
        ({"precision": "int8", "calibrate": "digits", "max_drop": -1.0}, "--max-drop -1: expected percentage points"),
        ({"precision": "int8", "calibrate": "digits", "calibration_images": 0}, "--calibration-images 0: expected 1"),
    ],
)
def test_options_that_do_not_fit(options: dict[str, Any], message: str) -> None:
    with pytest.raises(TargetError, match=message):
        make_exporter("onnx", **options)


def test_int8_needs_its_passes(darts_v2: Genotype) -> None:
    exporter = OnnxExporter(precision="int8", calibrate="digits")
    assert "dense-factorized-reduce" in exporter.default_passes
    exporter.check_passes(compile_net(darts_v2, SMALL, passes=exporter.default_passes))
    with pytest.raises(TargetError, match="int8 needs pass fold-batch-norm, without which"):
        exporter.check_passes(
            compile_net(darts_v2, SMALL, passes=["remove-dead-code", "share-common-subexpressions"])
        )  # fmt: skip


@needs_openvino
def test_without_nncf_int8_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_target, "find_spec", lambda name: None)
    with pytest.raises(TargetError, match=r"NNCF.* is not installed: pip install 'genocc\[openvino\]'"):
        make_exporter("openvino", precision="int8", calibrate="digits")
