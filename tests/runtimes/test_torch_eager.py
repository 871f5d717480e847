"""PyTorch, eager: what the table's test does not say of it."""

from __future__ import annotations

import pytest
import torch

from genocc.runtimes.torch_eager import EAGER


def test_without_a_gpu_cuda_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert EAGER.lacks("cuda") == "provider cuda: PyTorch finds no CUDA device on this machine; try cpu"
    assert EAGER.lacks("cpu") is None
