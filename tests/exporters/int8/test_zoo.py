"""Quantized ONNX files of published cells load in ONNX Runtime and in OpenVINO, and agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import genocc
from genocc import NetworkConfig, zoo
from genocc.compiler import compile_net
from genocc.errors import TargetError
from genocc.exporters.depth import relative_error
from genocc.exporters.int8.qdq import quantized
from genocc.exporters.onnx import OnnxExporter, check
from genocc.exporters.precision import LOW_PASSES
from genocc.runtimes.onnx_files import OnnxFile
from genocc.runtimes.onnx_runtime import ONNX_RUNTIME
from genocc.runtimes.openvino import OPENVINO
from tests.reference import random_parameters

needs_openvino = pytest.mark.skipif(OPENVINO.lacks() is not None, reason=str(OPENVINO.lacks()))
SOME = ("darts-v2",)
SIZES = {"cifar": (17, 16), "imagenet": (33, 32)}
CASES = [
    pytest.param(name, skeleton, marks=[] if name in SOME and skeleton == "cifar" else pytest.mark.full)
    for name in zoo.names()
    for skeleton in SIZES
]


def files(name: str, skeleton: str, passes: tuple[str, ...]) -> tuple[OnnxFile, OnnxFile, Any]:
    """A float32 file, the same in int8, and the images that it was calibrated on."""
    config = NetworkConfig.make(skeleton=skeleton, channels=4, layers=3, input_size=SIZES[skeleton])
    genotype = genocc.load(f"zoo:{name}")
    arrays = {n: a.astype(np.float32) for n, a in random_parameters(genocc.lower(genotype, config)).items()}
    model = OnnxExporter().model(compile_net(genotype, config, weights=arrays, passes=passes))
    images = np.random.default_rng(0).standard_normal((8, 3, *SIZES[skeleton])).astype(np.float32)
    made = quantized(model, images)
    check(made)
    return OnnxFile("f32", model.SerializeToString()), OnnxFile("int8", made.SerializeToString()), images


@needs_openvino
@pytest.mark.parametrize(("name", "skeleton"), CASES)
def test_both_runtimes_agree(name: str, skeleton: str) -> None:
    plain, int8, images = files(name, skeleton, LOW_PASSES)
    expected = ONNX_RUNTIME.load(plain).infer(images)
    found = [runtime.load(int8).infer(images) for runtime in (ONNX_RUNTIME, OPENVINO)]
    assert relative_error(found[0], expected) < 0.04
    assert relative_error(found[1], expected) < 0.04
    assert relative_error(found[1], found[0]) < 0.03


@needs_openvino
@pytest.mark.full
def test_a_net_that_is_not_folded_does_not_end_the_process() -> None:
    """OpenVINO 2026.4 ends the process that compiles it."""
    plain, int8, images = files("darts-v2", "cifar", ())
    with pytest.raises(TargetError, match="ends the process of OpenVINO"):
        OPENVINO.load(int8)
    assert relative_error(ONNX_RUNTIME.load(int8).infer(images), ONNX_RUNTIME.load(plain).infer(images)) < 0.1
