"""Backends: what is timed is one net, whatever runs it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

import genocc
from genocc import Genotype, NetworkConfig
from genocc.counting import cost
from genocc.errors import TargetError
from genocc.exporters.bench.backends import BACKENDS, Workload
from genocc.exporters.onnx import OnnxExporter

TINY = NetworkConfig.make(channels=4, layers=3, input_size=(12, 12))


@pytest.fixture(scope="module")
def load(darts_v2: Genotype) -> Workload:
    return Workload(darts_v2, TINY, None, 0, 1, "cpu")


@pytest.mark.parametrize("name", ["traced", "genocc-onnx-plain", "genocc-onnx"])
def test_files_compute_what_the_eager_net_computes(name: str, load: Workload) -> None:
    images = load.random_images(2)
    with torch.inference_mode():
        expected = load.eager()(torch.from_numpy(images)).numpy()
    with BACKENDS[name](load).session() as infer:
        (found,) = infer(images)  # type: ignore[misc, attr-defined]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_files_say_what_is_in_them(load: Workload) -> None:
    plain, ours = BACKENDS["genocc-onnx-plain"](load), BACKENDS["genocc-onnx"](load)
    compiled = load.net(OnnxExporter.passes)
    assert ours.macs == cost(compiled.graph.nodes.values()).macs
    assert ours.file_bytes == len(OnnxExporter().model(compiled).SerializeToString())
    assert plain.nodes > ours.nodes  # type: ignore[operator]
    assert plain.parameters == BACKENDS["eager"](load).parameters
    assert "session" not in plain.to_dict()


def test_each_session_is_loaded_anew(load: Workload, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is merely alive slows down everything else."""
    backend = BACKENDS["genocc-onnx"](load)
    loaded: list[bytes] = []
    real = onnxruntime.InferenceSession
    monkeypatch.setattr(
        onnxruntime, "InferenceSession", lambda model, *rest: loaded.append(model) or real(model, *rest)
    )
    assert not loaded
    for number in (1, 2):
        with backend.session():
            assert len(loaded) == number


def test_images_are_those_that_the_file_of_weights_was_trained_on(training_run: Path) -> None:
    """Mean and deviation of the data set may be others, and its classes in another order."""
    run = genocc.open(training_run)
    known, weights = run.provenance, run.weights
    assert known is not None
    assert weights is not None
    config = known.config.model_copy(update={"auxiliary": False})
    found = Workload(run.genotype, config, weights, None, 1, "cpu", "fake").calibration
    assert found is not None
    assert (found.net.normalization, found.net.class_names) == (known.normalization, known.class_names)


def test_a_provider_that_is_not_available_is_an_error(darts_v2: Genotype) -> None:
    with pytest.raises(TargetError, match="provider tpu: this ONNX Runtime has none"):
        Workload(darts_v2, TINY, None, 0, 1, "tpu")
