"""The path that genocc replaces: tracing a PyTorch net into an ONNX file. Benchmarks and tests compare with it."""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn


def trace(net: nn.Module, images: NDArray[np.float32]) -> bytes:
    """Returns the ONNX file that ``torch.onnx.export`` writes with its defaults (dynamo, its opset), weights inside.

    Args:
        net: In evaluation mode, on the CPU.
        images: An example (N, C, H, W) with N of at least 2, so that the batch size stays free.
    """
    sample = torch.from_numpy(images)
    batch = torch.export.Dim("batch")
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            path = Path(folder) / "traced.onnx"
            torch.onnx.export(
                net, (sample,), path, dynamo=True, dynamic_shapes=({0: batch},), external_data=False, verbose=False
            )
            return path.read_bytes()
    finally:
        logging.disable(level)
