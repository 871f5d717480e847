"""ONNX files in tract, a third runtime that shares no code with ONNX Runtime and OpenVINO."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import genocc
from genocc import NetworkConfig, zoo
from genocc.exporters.depth import relative_error
from genocc.runtimes.files import open_file
from genocc.runtimes.onnx_runtime import ONNX_RUNTIME
from tests.reference import random_parameters

SIZES = {"cifar": (17, 16), "imagenet": (33, 32)}


@pytest.mark.full
@pytest.mark.parametrize("passes", [None, ()], ids=["default", "none"])
@pytest.mark.parametrize("skeleton", SIZES)
@pytest.mark.parametrize("name", zoo.names())
def test_it_computes_what_onnx_runtime_computes(
    name: str, skeleton: str, passes: tuple[str, ...] | None, tmp_path: Path
) -> None:
    """Of a fixed batch, which tract wants."""
    tract = pytest.importorskip("tract")
    config = NetworkConfig.make(skeleton=skeleton, channels=4, layers=3, input_size=SIZES[skeleton])
    genotype, path = genocc.load(f"zoo:{name}"), tmp_path / "net.onnx"
    arrays = {n: a.astype(np.float32) for n, a in random_parameters(genocc.lower(genotype, config)).items()}
    genocc.compile(genotype, config, to="onnx", output=path, weights=arrays, batch=2, passes=passes, verify=False)
    images = np.random.default_rng(0).standard_normal((2, 3, *SIZES[skeleton])).astype(np.float32)
    (found,) = tract.onnx().load(path).into_model().into_runnable().run([images])
    assert relative_error(found.to_numpy(), ONNX_RUNTIME.load(open_file(path)).infer(images)) < 1e-5
