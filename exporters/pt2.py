"""The .pt2 target: a `torch.export` program, to be loaded and run by PyTorch alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, fx
from torch.export.passes import move_to_device_pass

from genocc.graph import Graph
from genocc.nn.graph_module import graph_module
from genocc.nn.primitives import INFERENCE_EMITTERS
from genocc.primitives import Input
from genocc.runtimes.torch import TRACING, torch_device
from genocc.targets import CompiledNet, Exporter
from genocc.verification import Verification

from .comparison import compare, torch_file
from .deployment import Deployment


@dataclass(frozen=True)
class Pt2Exporter(Deployment, Exporter):
    """Writes .pt2 files; ``torch.export.load(file).module()`` runs them, for any batch size.

    The net's provenance is in the archive's extra files. The same net gives the same bytes with the same PyTorch.
    """

    name: ClassVar[str] = "pt2"
    suffix: ClassVar[str] = ".pt2"
    passes: ClassVar[tuple[str, ...]] = ("remove-dead-code", "share-common-subexpressions", "fold-batch-norm")
    max_primitives: ClassVar[int] = 3_000  # PyTorch takes 5 ms or more to trace, write and read one
    max_inputs: ClassVar[int] = 2_000  # and twice as long where they are sums; published nets have up to 1,500

    def write(self, net: CompiledNet, path: Path) -> int:
        content = BytesIO()
        with TRACING:
            program = exported(self.deployed(net), net.parameters)
            torch.export.save(program, content, extra_files=self.provenance(net).to_metadata())
        path.write_bytes(content.getvalue())  # saved to a path, the archive would have the path's name in it
        return net.operators

    def verify(self, net: CompiledNet, path: Path, provider: str) -> Verification:
        with TRACING:
            program = move_to_device_pass(torch.export.load(path), torch_device(provider))
            module = program.module()
        file = torch_file("torch.export", _Interpreter(module).outputs_and_response, provider)
        return compare(self.provenance(net), net.logical, net.weights, [file], provider=provider)


def exported(graph: Graph, arrays: Mapping[str, Any]) -> torch.export.ExportedProgram:
    """Returns the program of a graph, with a dynamic batch and without the lines of our source that it came from.

    Other threads that trace must wait: see `TRACING`.
    """
    module = graph_module(graph, arrays, INFERENCE_EMITTERS).eval().requires_grad_(False)
    assert isinstance(graph.input.primitive, Input)
    image = torch.zeros(2, *graph.input.shape, dtype=getattr(torch, graph.input.primitive.dtype))
    batch = {0: torch.export.Dim("batch", min=1)}
    program = torch.export.export(module, (image,), dynamic_shapes={graph.input.name: batch})
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    return program


class _Interpreter(fx.Interpreter):
    """A loaded program whose classifier can be looked into."""

    def outputs_and_response(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the outputs, and the logits without the classifier's bias."""
        return self.run(images), self.response

    def call_function(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if target == torch.ops.aten.linear.default:  # the classifier, which is the only one
            self.response = args[0] @ args[1].T
        return super().call_function(target, args, kwargs)
