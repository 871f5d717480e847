"""The traced path: silent, in one file, for any batch size."""

from __future__ import annotations

import logging

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from genocc.exporters.bench.tracing import trace
from genocc.runtimes import onnx_runtime


def test_a_traced_net_computes_the_same_for_any_batch(capfd: pytest.CaptureFixture[str]) -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 5 * 5, 2)).eval()
    before = logging.root.manager.disable
    content = trace(net, np.zeros((2, 3, 5, 5), np.float32))
    assert logging.root.manager.disable == before
    assert capfd.readouterr() == ("", "")
    tensors = onnx.load_from_string(content).graph.initializer
    assert all(tensor.data_location != onnx.TensorProto.EXTERNAL for tensor in tensors)
    session = onnx_runtime.session(content)
    for batch in (1, 7):
        images = np.random.default_rng(batch).standard_normal((batch, 3, 5, 5), np.float32)
        expected = net(torch.from_numpy(images)).detach().numpy()
        np.testing.assert_allclose(onnx_runtime.run(session, images), expected, rtol=1e-4, atol=1e-5)
