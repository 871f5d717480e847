"""The path that genocc replaces: tracing a PyTorch net into an ONNX file. Benchmarks and tests compare with it.

PyTorch's exporter prints, logs and warns, and cannot be told not to: it runs in a process of its own, whose standard
output, loggers and filters of warnings are nobody else's. As a program, it traces the net that is in a folder.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch

from genocc import weights as weight_files
from genocc.errors import TargetError
from genocc.lowering import lower
from genocc.nn.graph_module import graph_module
from genocc.nn.primitives import INFERENCE_EMITTERS
from genocc.provenance import Provenance
from genocc.targets import CompiledNet

_NET, _MODEL, _SECONDS = "net.safetensors", "traced.onnx", "seconds.json"


@dataclass(frozen=True)
class Traced:
    """The ONNX file of a net that was traced.

    Attributes:
        model: Its content, weights inside.
        seconds: What the exporter took.
    """

    model: bytes
    seconds: float


def trace(net: CompiledNet) -> Traced:
    """Returns what ``torch.onnx.export`` writes of a net before any pass, with its defaults.

    Raises:
        TargetError: The exporter has failed.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weight_files.save(dict(net.weights), folder / _NET, net.provenance().to_metadata())
        command = [sys.executable, "-m", __name__, name]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            said = done.stderr.strip().splitlines() or [f"its process ended with {done.returncode}"]
            raise TargetError(f"torch.onnx.export cannot trace {net.genotype.name}: {said[-1][:200]}")
        return Traced((folder / _MODEL).read_bytes(), json.loads((folder / _SECONDS).read_text("utf-8")))


def main(folder: Path) -> None:
    """Traces the net of a folder into another file of it."""
    path = folder / _NET
    provenance = Provenance.from_metadata(weight_files.metadata(path), str(path))
    graph = lower(provenance.genotype, provenance.config)
    net = graph_module(graph, weight_files.load(path), INFERENCE_EMITTERS).eval()
    sample = torch.zeros(2, *graph.input.shape)  # two, so that the batch size stays free
    batch = {0: torch.export.Dim("batch")}
    start = time.perf_counter()
    torch.onnx.export(
        net, (sample,), folder / _MODEL, dynamo=True, dynamic_shapes=(batch,), external_data=False, verbose=False
    )
    (folder / _SECONDS).write_text(json.dumps(time.perf_counter() - start), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
