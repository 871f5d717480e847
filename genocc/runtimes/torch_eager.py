"""PyTorch, eager: the graph of a net, node by node, as its author wrote it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import TYPE_CHECKING, ClassVar

from genocc import origins
from genocc.errors import TargetError
from genocc.graph import Graph
from genocc.runtimes.base import Array, LoadedNet, Runtime
from genocc.runtimes.compiled_file import CompiledFile
from genocc.runtimes.nets import NetFile

if TYPE_CHECKING:
    from torch import Tensor, fx


class Eager(Runtime):
    """PyTorch's own calls, one per node."""

    name: ClassVar[str] = "eager"
    title: ClassVar[str] = "PyTorch"
    reads: ClassVar[tuple[str, ...]] = (".safetensors",)
    providers: ClassVar[tuple[str, ...]] = ("cpu", "cuda")

    def version(self) -> str | None:
        return version("torch")

    def lacks(self, provider: str = "cpu") -> str | None:
        from genocc.runtimes.torch import torch_device

        try:
            torch_device(provider)
        except TargetError as error:
            return str(error)
        return None

    def load(self, file: CompiledFile, provider: str = "cpu", threads: int | None = None) -> LoadedNet:
        self.check(file, provider)
        assert isinstance(file, NetFile)
        return loaded(file, provider, threads, lambda module: module)


EAGER = Eager()


def loaded(
    file: NetFile,
    provider: str,
    threads: int | None,
    compiled: Callable[[fx.GraphModule], Callable[[Tensor], tuple[Tensor, Tensor]]],
) -> LoadedNet:
    """Returns a net that PyTorch runs.

    Args:
        file: The net.
        provider: ``cpu`` or ``cuda``.
        threads: Of the thread that calls; see `Runtime.load`.
        compiled: Makes a function of a module that returns the logits and the features that they are made of.
    """
    import torch

    from genocc.nn.graph_module import graph_module
    from genocc.nn.primitives import INFERENCE_EMITTERS
    from genocc.runtimes.torch import full_precision, limited_threads, torch_device

    device = torch_device(provider)
    module = graph_module(_with_features(file.graph), file.arrays, INFERENCE_EMITTERS).eval().to(device)
    weight = module.get_submodule(origins.LOGITS).get_parameter("weight")
    net = compiled(module)

    def run(images: Array) -> tuple[Tensor, Tensor]:
        with torch.inference_mode(), limited_threads(threads), full_precision(device):
            logits, features = net(torch.from_numpy(images).to(device))
            return logits, features

    def infer(images: Array) -> Array:
        outputs: Array = run(images)[0].cpu().numpy()
        return outputs

    def response(images: Array) -> Array:
        with torch.inference_mode(), limited_threads(threads), full_precision(device):
            outputs: Array = (run(images)[1] @ weight.T).cpu().numpy()
        return outputs

    return LoadedNet(infer, lambda: response, str(device))


def _with_features(graph: Graph) -> Graph:
    """The same net with one more output: the input of the classifier."""
    (logits,) = graph.outputs.values()
    (features,) = graph.nodes[logits].inputs
    return Graph(graph.nodes, {**graph.outputs, "features": features})
