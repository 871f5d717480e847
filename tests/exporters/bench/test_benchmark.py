"""Benchmarks: what they say is measured, of the right thing, and in order. No test asserts a time."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from typer.testing import CliRunner

from genocc import Genotype, NetworkConfig
from genocc.cli import app
from genocc.errors import TargetError
from genocc.exporters.bench.benchmark import Benchmark, benchmark
from genocc.exporters.bench.charts import draw_benchmark

TINY = NetworkConfig.make(channels=4, layers=3, input_size=(12, 12))
QUICK = ("eager", "channels-last", "genocc-torch", "genocc-onnx-plain", "genocc-onnx")


@pytest.fixture(scope="module")
def result(darts_v2: Genotype) -> Benchmark:
    return benchmark(darts_v2, TINY, backends=QUICK, batches=(1, 2), rounds=1, threads=1)


def test_every_backend_at_every_batch(result: Benchmark) -> None:
    assert [(t.batch, t.backend) for t in result.timings] == [(n, name) for n in (1, 2) for name in QUICK]
    assert all(t.latency > 0 and t.throughput == t.batch / t.latency and t.speedup is None for t in result.timings)
    files = {backend.name: backend.file_bytes for backend in result.backends}
    assert files["eager"] is None
    assert files["genocc-onnx"] is not None
    json.dumps(result.to_dict())


def test_threads_are_put_back(darts_v2: Genotype) -> None:
    before = torch.get_num_threads()
    benchmark(darts_v2, TINY, backends=["eager"], batches=(1,), rounds=1, threads=before + 1)
    assert torch.get_num_threads() == before


def test_ratios_refer_to_the_traced_path(darts_v2: Genotype) -> None:
    found = benchmark(darts_v2, TINY, backends=("traced", "genocc-onnx"), batches=(1,), rounds=1, threads=1)
    traced, ours = found.timings
    assert traced.speedup == 1
    assert ours.speedup == traced.latency / ours.latency
    nodes = {backend.name: backend.nodes for backend in found.backends}
    assert nodes["genocc-onnx"] is not None
    assert nodes["traced"] is not None


@pytest.mark.parametrize("suffix", [".svg", ".pdf", ".png"])
def test_charts(result: Benchmark, tmp_path: Path, suffix: str) -> None:
    one, two = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    draw_benchmark(result, one)
    draw_benchmark(result, two)
    assert one.read_bytes() == two.read_bytes()
    if suffix == ".svg":
        texts = {element.text for element in ElementTree.parse(one).iter("{http://www.w3.org/2000/svg}text")}
        assert {*QUICK, "batch 1", "batch 2"} <= texts


def test_what_cannot_be_timed(darts_v2: Genotype) -> None:
    with pytest.raises(TargetError, match="unknown backend 'fast'"):
        benchmark(darts_v2, TINY, backends=["fast"])
    with pytest.raises(TargetError, match="--batch 0: expected 1 to 65,536"):
        benchmark(darts_v2, TINY, batches=(0,))
    with pytest.raises(TargetError, match="--threads 100000: expected 1 to 1,024"):  # PyTorch would crash
        benchmark(darts_v2, TINY, threads=100_000)


def test_command(tmp_path: Path) -> None:
    options = ["--channels", "4", "--layers", "2", "--batch", "1", "--rounds", "1", "--threads", "1"]
    backends = ["--backend", "eager", "--backend", "genocc-onnx"]
    run = CliRunner().invoke(
        app, ["bench", "zoo:darts-v2", *options, *backends, "-o", str(tmp_path / "x.svg"), "--json"]
    )
    assert run.exit_code == 0, run.output
    assert [t["backend"] for t in json.loads(run.stdout)["timings"]] == ["eager", "genocc-onnx"]
    assert (tmp_path / "x.svg").exists()
    refused = CliRunner().invoke(app, ["bench", "zoo:darts-v2", "-o", "x.jpg"])
    assert refused.exit_code == 2
    assert "charts are drawn as .svg, .pdf, .png" in refused.stderr
