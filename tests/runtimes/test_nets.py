"""Files of weights as nets: the graph is the one that the metadata describe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import genocc
from genocc import Genotype, NetworkConfig, weights
from genocc.errors import TargetError, WeightsError
from genocc.runtimes.nets import NetFile

TINY = NetworkConfig.make(channels=4, layers=1, input_size=(8, 8))


def test_a_file_is_the_net_that_it_describes(darts_v2: Genotype, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    genocc.compile(darts_v2, TINY, to="torch", output=path, verify=False, seed=3)
    file = NetFile.read(path, "a.safetensors")
    assert file.graph.nodes.keys() == genocc.lower(darts_v2, TINY).nodes.keys()
    assert file.metadata["seed"] == "3"
    first = next(iter(file.graph.parameters()))
    np.testing.assert_array_equal(file.arrays[first], weights.load(path)[first])


def test_what_fits_no_net_is_refused(darts_v2: Genotype, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    genocc.compile(darts_v2, TINY, to="torch", output=path, verify=False)
    arrays, texts = weights.load(path), weights.metadata(path)
    weights.save(arrays, path)
    with pytest.raises(TargetError, match=r"^a\.safetensors: no genotype in its metadata"):
        NetFile.read(path, "a.safetensors")
    del arrays["classifier.linear.bias"]
    weights.save(arrays, path, texts)
    with pytest.raises(WeightsError, match=r"^a\.safetensors: tensor 'classifier.linear.bias' .* is missing"):
        NetFile.read(path, "a.safetensors")
