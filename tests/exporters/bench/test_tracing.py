"""The traced path: silent, in one file, for any batch size."""

from __future__ import annotations

import logging
import sys
import warnings

import numpy as np
import onnx
import pytest
import torch

from genocc import Genotype, NetworkConfig
from genocc.compiler import compile_net
from genocc.errors import TargetError
from genocc.exporters.bench import tracing
from genocc.exporters.bench.tracing import trace
from genocc.nn.graph_module import graph_module
from genocc.runtimes import onnx_runtime

TINY = NetworkConfig.make(channels=4, layers=2, input_size=(8, 8))


def test_a_traced_net_computes_the_same_for_any_batch_and_leaves_the_program_as_it_was(
    darts_v2: Genotype, capfd: pytest.CaptureFixture[str]
) -> None:
    net = compile_net(darts_v2, TINY, seed=3)
    before = (logging.root.manager.disable, sys.stdout, sys.stderr, list(warnings.filters))
    traced = trace(net)
    assert (logging.root.manager.disable, sys.stdout, sys.stderr, list(warnings.filters)) == before
    assert capfd.readouterr() == ("", "")
    assert traced.seconds > 0
    tensors = onnx.load_from_string(traced.model).graph.initializer
    assert all(tensor.data_location != onnx.TensorProto.EXTERNAL for tensor in tensors)
    session = onnx_runtime.session(traced.model)
    module = graph_module(net.graph, net.parameters).eval()
    for batch in (1, 7):
        images = np.random.default_rng(batch).standard_normal((batch, 3, 8, 8), np.float32)
        expected = module(torch.from_numpy(images)).detach().numpy()
        np.testing.assert_allclose(onnx_runtime.run(session, images), expected, rtol=1e-4, atol=1e-5)


def test_a_failure_is_one_line(darts_v2: Genotype, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "__name__", "genocc.exporters.bench.no_such_module")
    with pytest.raises(TargetError, match=r"^torch\.onnx\.export cannot trace darts-v2: .*No module named") as caught:
        trace(compile_net(darts_v2, TINY))
    assert len(str(caught.value).splitlines()) == 1
