"""``genocc runtimes``, and ``--runtime`` of the commands that take it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from genocc.runtimes.table import runtimes
from tests.cli.test_compile import SMALL, error, run


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "net.onnx"
    run("compile", "zoo:darts-v2", "--to", "onnx", "-o", path, *SMALL, "--no-verify")
    return path


def test_the_table() -> None:
    found = json.loads(run("runtimes", "--json").stdout)
    assert [one["name"] for one in found] == list(runtimes())
    text = run("runtimes").stdout
    assert all(one["title"] in text for one in found)
    assert "provider cuda: " in text or found[0]["providers"]["cuda"]


def test_verify_runs_those_that_are_named(net: Path) -> None:
    every = json.loads(run("verify", net, "--runtime", "all", "--batch", "1", "--json").stdout)
    titles = [one.title for one in runtimes().values() if ".onnx" in one.reads and one.lacks() is None]
    assert [comparison["runtime"] for comparison in every["comparisons"]] == titles
    one = json.loads(run("verify", net, "--runtime", "reference", "--batch", "1", "--json").stdout)
    assert [comparison["runtime"] for comparison in one["comparisons"]] == ["ONNX reference evaluator"]
    assert "runtime 'eager' reads .safetensors files; found .onnx" in error("verify", net, "--runtime", "eager")
    assert "unknown runtime 'fast'; expected one of eager" in error("verify", net, "--runtime", "fast")


def test_verify_runs_weights_in_pytorch(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    run("compile", "zoo:darts-v2", "--to", "torch", "-o", path, *SMALL, "--no-verify")
    found = json.loads(run("verify", path, "--json").stdout)
    assert found["ok"]
    assert {comparison["runtime"] for comparison in found["comparisons"]} == {"PyTorch"}


def test_evaluate_with_another_runtime(net: Path, training_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.onnx"
    run("compile", training_run, "--to", "onnx", "-o", path, "--no-verify")
    data = ["--data", "fake", "--limit", "4", "--json"]
    results = [
        json.loads(run("evaluate", path, "--runtime", name, *data).stdout) for name in ("onnxruntime", "reference")
    ]
    assert results[0]["top1"] == results[1]["top1"]
    assert [result["runtime"].rpartition(" ")[0] for result in results] == ["ONNX Runtime", "ONNX reference evaluator"]
    assert "reads .onnx" in error("evaluate", training_run, "--runtime", "onnxruntime", "--data", "fake")


def test_bench_times_the_backends_of_a_runtime() -> None:
    options = [*SMALL, "--batch", "1", "--rounds", "1", "--threads", "1", "--json"]
    found = json.loads(run("bench", "zoo:darts-v2", "--runtime", "reference", *options).stdout)
    assert [timing["backend"] for timing in found["timings"]] == ["genocc-reference"]
    assert "exclude each other" in error("bench", "zoo:darts-v2", "--runtime", "eager", "--backend", "eager")


def test_an_xml_file_is_compiled_verified_evaluated_and_timed(training_run: Path, tmp_path: Path) -> None:
    if reason := runtimes()["openvino"].lacks():
        pytest.skip(reason)
    path, weights = tmp_path / "net.xml", training_run / "best.safetensors"
    done = json.loads(run("compile", training_run, "--to", "openvino", "-o", path, "--uint8-input", "--json").stdout)
    assert done["verification"]["ok"]
    assert done["bytes"] == path.stat().st_size + path.with_suffix(".bin").stat().st_size
    assert "OpenVINO on CPU" in run("verify", path, "--weights", weights).stdout
    results = [json.loads(run("evaluate", net, "--data", "fake", "--json").stdout) for net in (path, training_run)]
    assert results[0]["top1"] == results[1]["top1"]
    assert results[0]["runtime"].startswith("OpenVINO ")
    path.with_suffix(".bin").unlink()
    assert "its weights, net.bin, do not lie beside it" in error("verify", path)
    assert "its weights, net.bin, do not lie beside it" in error("evaluate", path, "--data", "fake")
    path.with_suffix(".bin").touch()
    assert "they are those of another file, or damaged" in error("evaluate", path, "--data", "fake")
    path.write_text("<net><layers><layer/></layers></net>")
    assert "no genotype in its metadata; expected a file that `genocc compile` wrote" in error("verify", path)
    options = [*SMALL, "--batch", "1", "--rounds", "1", "--threads", "1", "--json"]
    timed = json.loads(run("bench", "zoo:darts-v2", "--runtime", "openvino", *options).stdout)
    backends = [timing["backend"] for timing in timed["timings"]]
    assert "genocc-openvino" in backends
    assert all(name.startswith("genocc-openvino") for name in backends)
    assert "openvino" in timed["versions"]


def test_a_fixed_batch(training_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    run("compile", training_run, "--to", "onnx", "-o", path, "--batch", "3")
    results = [json.loads(run("evaluate", net, "--data", "fake", "--json").stdout) for net in (path, training_run)]
    assert results[0]["top1"] == results[1]["top1"]
    assert "takes 3 at a time; leave --batch out" in error("evaluate", path, "--data", "fake", "--batch", "2")
    options = ["compile", "zoo:darts-v2", *SMALL, "-o", tmp_path / "a.onnx", "--to"]
    for size in ("0", "65537", "-1"):
        assert f"--batch: found {size}; expected a whole number from 1 to 65,536" in error(
            *options, "onnx", "--batch", size
        )
    assert "target 'python' has no option batch" in error(*options, "python", "--batch", "2")
