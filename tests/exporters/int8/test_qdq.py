"""ONNX files in int8: what is quantized, that it computes the net, and the cost of a layer."""

from __future__ import annotations

import logging
import warnings
from copy import copy
from pathlib import Path
from threading import Thread, get_ident
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import genocc
from genocc import NetworkConfig
from genocc.compiler import compile_net
from genocc.exporters.depth import relative_error
from genocc.exporters.int8.qdq import QdqQuantizer, _silent, alone, quantized
from genocc.exporters.onnx import OnnxExporter, check
from genocc.exporters.precision import LOW_PASSES
from genocc.runtimes.onnx_runtime import run, session

TINY = NetworkConfig(channels=4, layers=3, input_size=(8, 8))
IMAGES = np.random.default_rng(0).standard_normal((6, 3, 8, 8)).astype(np.float32)


def model(**options: Any) -> onnx.ModelProto:
    net = compile_net(genocc.load("zoo:darts-v2"), TINY, passes=LOW_PASSES)
    return OnnxExporter(**options).model(net)


@pytest.fixture(scope="module")
def whole() -> onnx.ModelProto:
    return quantized(model(), IMAGES)


def outputs(of: onnx.ModelProto, images: Any = IMAGES) -> Any:
    return run(session(of.SerializeToString()), images)


def test_it_computes_the_net_with_weights_in_int8(whole: onnx.ModelProto) -> None:
    check(whole)
    assert 1e-5 < relative_error(outputs(whole), outputs(model())) < 0.05
    kinds = {t.name: t.data_type for t in whole.graph.initializer}
    read = {name for node in whole.graph.node for name in node.input if name.endswith(".weight_quantized")}
    stored = [name for name in kinds if name.endswith(".weight_quantized")]
    assert {*stored} == read
    assert len(stored) == sum(node.op_type in ("Conv", "Gemm") for node in whole.graph.node)
    values = [(t.data_type, tuple(t.dims), numpy_helper.to_array(t).tobytes()) for t in whole.graph.initializer]
    assert len({*values}) == len(values)
    assert {kinds[name] for name in stored} == {onnx.TensorProto.INT8}
    extremes = [abs(numpy_helper.to_array(t).astype(int)).max() for t in whole.graph.initializer if t.name in read]
    assert max(extremes) == 64  # of 127: no sum of two products saturates on processors without VNNI
    assert {node.domain for node in whole.graph.node} == {""}
    assert whole.producer_name == "genocc"
    assert whole.metadata_props == model().metadata_props


def test_the_same_images_give_the_same_bytes(whole: onnx.ModelProto) -> None:
    again = quantized(model(), IMAGES)
    assert again.SerializeToString(deterministic=True) == whole.SerializeToString(deterministic=True)


def test_a_fixed_batch_is_filled_up() -> None:
    made = quantized(model(batch=4), IMAGES)
    assert outputs(made, IMAGES[:4]).shape == (4, 10)


def test_layers_that_are_kept_stay_in_float(tmp_path: Path) -> None:
    quantizer = QdqQuantizer(model(), IMAGES, check)
    kept = quantizer.layers[:2]
    operators = quantizer.write(tmp_path / "net.onnx", kept)
    made = onnx.load(tmp_path / "net.onnx")
    assert len(made.graph.node) == operators
    floats = {t.name for t in made.graph.initializer if t.data_type == onnx.TensorProto.FLOAT}
    assert {f"{name}.weight" for name in kept} <= floats
    assert f"{quantizer.layers[2]}.weight" not in floats


def test_the_cost_of_a_layer_is_that_of_it_alone(whole: onnx.ModelProto) -> None:
    quantizer = QdqQuantizer(model(), IMAGES, check)
    layer = "cells.1.pre1.conv"
    one = alone(model(), whole, layer)
    assert sum(node.op_type == "DequantizeLinear" for node in one.graph.node) == 2
    error = relative_error(outputs(one), outputs(model()))
    assert 0 < error < relative_error(outputs(whole), outputs(model()))
    found = quantizer.costs(IMAGES)
    assert tuple(found) == quantizer.layers
    np.testing.assert_allclose(found[layer], error)


def test_the_programs_log_and_warnings_are_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The quantizer's import calls `logging.basicConfig`, after which the program's own call of it would do nothing."""
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(warnings, "catch_warnings", None)  # which is the whole process's
    remark = logging.LogRecord("root", logging.WARNING, "/lib/onnxruntime/quantization/quantize.py", 1, "", None, None)
    own = logging.LogRecord("root", logging.WARNING, "/home/me/program.py", 1, "", None, None)
    with _silent():
        logging.basicConfig()
        assert logging.root.manager.disable == 0
        assert not logging.root.filter(remark)
        assert logging.root.filter(own)
        heard = Thread(target=lambda: heard_there.append(bool(logging.root.filter(elsewhere(remark)))))
        heard_there: list[bool] = []
        heard.start()
        heard.join()
        assert heard_there == [True]
    assert logging.root.handlers == []
    assert logging.root.filter(remark)


def elsewhere(record: logging.LogRecord) -> logging.LogRecord:
    """The record as the present thread would make it."""
    found = copy(record)
    found.thread = get_ident()
    return found
