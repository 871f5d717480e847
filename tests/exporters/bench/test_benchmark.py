"""Benchmarks: what they say is measured, of the right thing, and in order. No test asserts a time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import genocc
from genocc import Genotype, NetworkConfig
from genocc.errors import TargetError
from genocc.exporters.bench.backends import all_backends
from genocc.exporters.bench.benchmark import Benchmark, RowAccuracy, benchmark

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


@pytest.mark.full
def test_ratios_refer_to_the_traced_path(darts_v2: Genotype) -> None:
    found = benchmark(darts_v2, TINY, backends=("traced", "genocc-onnx"), batches=(1,), rounds=1, threads=1)
    traced, ours = found.timings
    assert traced.speedup == 1
    assert ours.speedup == traced.latency / ours.latency
    nodes = {backend.name: backend.nodes for backend in found.backends}
    assert nodes["genocc-onnx"] is not None
    assert nodes["traced"] is not None


def test_what_cannot_be_timed(darts_v2: Genotype) -> None:
    with pytest.raises(TargetError, match="unknown backend 'fast'"):
        benchmark(darts_v2, TINY, backends=["fast"])
    with pytest.raises(TargetError, match="--batch 0: expected 1 to 65,536"):
        benchmark(darts_v2, TINY, batches=(0,))
    with pytest.raises(TargetError, match="--threads 100000: expected 1 to 1,024"):  # PyTorch would crash
        benchmark(darts_v2, TINY, threads=100_000)


LOW = ("genocc-onnx-float16", "genocc-onnx-int8")


def test_with_data_each_row_has_its_accuracy(training_run: Path) -> None:
    source = genocc.open(training_run)
    assert source.provenance is not None
    found = benchmark(
        source.genotype, source.network(), backends=("eager", *LOW), batches=(1,), rounds=1, threads=1,
        weights=source.weights, data=str(training_run),
    )  # fmt: skip
    assert found.data == "fake"
    assert list(found.accuracies) == ["eager", *LOW]
    expected = genocc.evaluate(training_run).accuracy
    assert found.images == expected.images
    assert found.accuracies["eager"] == RowAccuracy(expected.top1, 1.0)
    assert all(one.agreement > 0.8 for one in found.accuracies.values())
    sizes = {backend.name: backend.about for backend in found.backends}
    assert sizes["genocc-onnx-int8"] == "the same in int8"


@pytest.mark.full
def test_without_data_int8_is_calibrated_on_noise_and_says_so(darts_v2: Genotype) -> None:
    found = benchmark(darts_v2, TINY, backends=LOW, batches=(1,), rounds=1, threads=1)
    assert found.accuracies == {}
    assert [backend.about for backend in found.backends] == [
        "the same in float16", "the same in int8, calibrated on noise, for its speed alone",
    ]  # fmt: skip


def test_every_runtime_that_writes_lower_precisions_has_rows_of_them() -> None:
    names = list(all_backends())
    assert [name for name in names if name.startswith("genocc-openvino")] == [
        "genocc-openvino", "genocc-openvino-bfloat16", "genocc-openvino-float16", "genocc-openvino-int8",
    ]  # fmt: skip
