"""The ways that benchmarks/gpu.py times, on the CPU: all compute the same."""

from __future__ import annotations

import math

import pytest
import torch

import genocc
from benchmarks import gpu
from genocc import Genotype, NetworkConfig
from genocc.compiler import compile_net


def test_all_ways_compute_the_same(darts_v2: Genotype) -> None:
    config = NetworkConfig.make(channels=4, layers=3, input_size=(16, 16))
    plain, compiled = (compile_net(darts_v2, config, passes=names) for names in ((), gpu.PASSES))
    image = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        found = {name: (run(image), precision) for name, (run, precision) in gpu._ways(plain, compiled, image)}
    expected, _ = found["eager"]
    assert len(found) == 6
    for name, (output, precision) in found.items():
        error = (output.float() - expected).norm() / expected.norm()
        assert error < (1e-5 if precision == "float32" else 0.1), name


def test_the_roofline(darts_v2: Genotype) -> None:
    """Where copying takes no time it is that of the MACs which are counted, at 512^3 multiplications a second."""
    config, none = NetworkConfig.make(channels=4, layers=3), math.inf
    net = compile_net(darts_v2, config)
    assert gpu.roofline(net, 3, torch.float32, bandwidth=none, rate=2 * 512**3) == pytest.approx(
        3 * genocc.count(darts_v2, config).total.macs / 512**3
    )
    one, two = (gpu.roofline(net, batch, torch.bfloat16, bandwidth=1e9, rate=none) for batch in (1, 2))
    assert one < two < 2 * one  # features grow with the batch, weights do not
    assert gpu.roofline(net, 1, torch.float32, bandwidth=1e9, rate=none) == 2 * one
