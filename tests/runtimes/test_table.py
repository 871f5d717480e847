"""Every runtime of the table: it computes the net, on a provider that it knows, from files that it reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import genocc
from genocc import NetworkConfig
from genocc.errors import TargetError
from genocc.runtimes.base import Runtime
from genocc.runtimes.compiled_file import CompiledFile
from genocc.runtimes.files import FILES, open_file
from genocc.runtimes.table import chosen, runtime, runtimes
from tests.reference import evaluate, random_parameters
from tests.sample_data import ROOT

TINY = NetworkConfig.make(channels=4, layers=1, input_size=(9, 8))
TARGETS = {".onnx": "onnx", ".safetensors": "torch", ".xml": "openvino"}
IMAGES = np.random.default_rng(1).standard_normal((3, 3, 9, 8)).astype(np.float32)
TABLE = runtimes()


@pytest.fixture(scope="module")
def arrays() -> dict[str, Any]:
    graph = genocc.lower(genocc.load("zoo:darts-v2"), TINY)
    return {name: array.astype(np.float32) for name, array in random_parameters(graph).items()}


@pytest.fixture(scope="module")
def files(arrays: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, CompiledFile]:
    """Suffix -> one net as a file of this kind; without those whose target is not available here."""
    folder, found = tmp_path_factory.mktemp("files"), {}
    for suffix in FILES:
        if suffix == ".xml" and TABLE["openvino"].lacks():
            continue
        path = folder / f"net{suffix}"
        genocc.compile(genocc.load("zoo:darts-v2"), TINY, to=TARGETS[suffix], output=path, weights=arrays, verify=False)
        found[suffix] = open_file(path)
    return found


@pytest.fixture(params=TABLE.values(), ids=lambda one: one.name)
def available(request: pytest.FixtureRequest) -> Runtime:
    found: Runtime = request.param
    if reason := found.lacks():
        pytest.skip(reason)
    return found


def test_the_table_is_the_designs() -> None:
    assert set(TABLE) >= {"onnxruntime", "reference", "openvino", "eager", "inductor"}
    assert all(one.name == name for name, one in TABLE.items())


def test_it_computes_the_net(available: Runtime, files: dict[str, CompiledFile], arrays: dict[str, Any]) -> None:
    """Against the evaluation in float64 that knows no runtime; the bias is the classifier's own."""
    graph = genocc.lower(genocc.load("zoo:darts-v2"), TINY)
    double = {name: array.astype(np.float64) for name, array in arrays.items()}
    expected = evaluate(graph, double, IMAGES.astype(np.float64))["logits"]
    assert available.reads
    for suffix in available.reads:
        loaded = available.load(files[suffix], threads=1)
        for count in (1, 3):
            outputs, response = loaded.observe(IMAGES[:count])
            np.testing.assert_allclose(outputs, expected[:count], rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(
                response, expected[:count] - arrays["classifier.linear.bias"], rtol=1e-4, atol=1e-5
            )
            np.testing.assert_allclose(loaded.infer(IMAGES[:count]), outputs, rtol=1e-6, atol=1e-6)
        assert loaded.batch is None


def test_it_refuses_what_it_does_not_read_and_where_it_does_not_run(
    available: Runtime, files: dict[str, CompiledFile]
) -> None:
    for suffix, file in files.items():
        if suffix not in available.reads:
            with pytest.raises(TargetError, match=f"runtime '{available.name}' reads .* files; found {suffix}$"):
                available.load(file)
        else:
            with pytest.raises(TargetError, match="unknown provider 'tpu'; expected one of cpu"):
                available.load(file, "tpu")


@pytest.mark.parametrize("one", TABLE.values(), ids=lambda one: one.name)
def test_it_says_what_it_is(one: Runtime) -> None:
    found = one.to_dict()
    assert found["available"] == (one.lacks() is None) == (not found["missing"].get("cpu"))
    assert found["version"] is not None or not found["available"]
    assert set(found["reads"]) <= set(FILES)
    assert f"| `{one.name}` |" in (ROOT / "docs" / "compiling.md").read_text("utf-8")


def test_what_is_not_available_says_why(monkeypatch: pytest.MonkeyPatch, files: dict[str, CompiledFile]) -> None:
    one = runtime("onnxruntime")
    monkeypatch.setattr(type(one), "lacks", lambda self, provider="cpu": "it is gone: install it")
    with pytest.raises(TargetError, match=r"^it is gone: install it$"):
        chosen(files[".onnx"], ["onnxruntime"], "cpu")
    assert "onnxruntime" not in [found.name for found in chosen(files[".onnx"], ["all"], "cpu")]


def test_a_file_has_runtimes_of_its_own_others_are_named(files: dict[str, CompiledFile]) -> None:
    file = files[".onnx"]
    assert [one.name for one in chosen(file, [], "cpu")] == ["onnxruntime", "reference"]
    assert {one.name for one in chosen(file, ["all"], "cpu")} >= {"onnxruntime", "reference"}
    assert [one.name for one in chosen(file, ["reference", "reference"], "cpu")] == ["reference"]
    with pytest.raises(TargetError, match=r"unknown runtime 'fast'; expected one of .*onnxruntime"):
        chosen(file, ["fast"], "cpu")
    with pytest.raises(TargetError, match=r"no runtime here reads .onnx files on tpu; see genocc runtimes"):
        chosen(file, ["all"], "tpu")
    for path in (Path("net.onnx"), Path("net.safetensors")):
        assert FILES[path.suffix].suffix == path.suffix
