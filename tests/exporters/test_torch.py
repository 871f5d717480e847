"""The PyTorch target: weights that say which net they are, and a verification that reads what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import genocc
from genocc import Genotype, NetworkConfig, weights
from genocc.compiler import compile_net
from genocc.errors import TargetError, WeightsError
from genocc.exporters.torch import TorchExporter, load
from genocc.provenance import Provenance
from genocc.targets import CompiledNet
from tests.reference import evaluate, random_parameters

CONFIG = NetworkConfig(channels=2, layers=3, classes=3, auxiliary=True)


@pytest.fixture
def net(darts_v2: Genotype) -> CompiledNet:
    return compile_net(darts_v2, CONFIG, weights=random_parameters(genocc.lower(darts_v2, CONFIG)))


def test_a_file_makes_the_net_that_was_written(net: CompiledNet, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    exporter = TorchExporter(class_names=("a", "b", "c"), normalization=((0.5,) * 3, (0.2,) * 3))
    assert exporter.write(net, path) == len(net.graph.nodes) - 1
    loaded = load(path)
    assert loaded.config == CONFIG.model_copy(update={"auxiliary": False})
    images = np.random.default_rng(0).standard_normal((2, 3, 32, 32), np.float32)
    expected = evaluate(net.logical, net.weights, images)["logits"]
    found = loaded.eval()(torch.from_numpy(images)).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    assert '"c"' in weights.metadata(path)["class_names"]
    assert exporter.verify(net, path, "cpu").ok


def test_verification_reads_the_arrays_and_the_words_of_the_file(net: CompiledNet, tmp_path: Path) -> None:
    path, exporter = tmp_path / "net.safetensors", TorchExporter()
    exporter.write(net, path)
    arrays, words = weights.load(path), weights.metadata(path)
    weights.save({**arrays, "stem.conv.weight": 1.01 * arrays["stem.conv.weight"]}, path, words)
    assert not exporter.verify(net, path, "cpu").ok
    other = genocc.load("zoo:nasnet")
    weights.save(arrays, path, {**words, **Provenance(other, CONFIG).to_metadata()})
    with pytest.raises(WeightsError, match="is missing"):
        exporter.verify(net, path, "cpu")
    weights.save(arrays, path)
    with pytest.raises(TargetError, match="no genotype in its metadata"):
        exporter.verify(net, path, "cpu")


def test_passes_and_wrong_class_names_are_refused(darts_v2: Genotype, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    with pytest.raises(TargetError, match="found passes remove-dead-code; leave them out"):
        TorchExporter().write(compile_net(darts_v2, CONFIG, passes=["remove-dead-code"]), path)
    with pytest.raises(TargetError, match="found 1 class names; the net has 3 classes"):
        TorchExporter(class_names=("a",)).write(compile_net(darts_v2, CONFIG), path)
    assert not path.exists()
