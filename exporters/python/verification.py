"""Verification of Python source files: run as their users would, and compared with the net in PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import Tensor, nn

from genocc import origins
from genocc.errors import TargetError
from genocc.runs.randomness import preserved
from genocc.runtimes.torch import torch_device
from genocc.targets import CompiledNet
from genocc.verification import Verification
from genocc.weights import save

from ..comparison import compare, observe, torch_file


def verify(net: CompiledNet, path: Path, provider: str) -> Verification:
    """Returns how far the net of a file that `PythonExporter` wrote is from that of the genotype.

    The weights come from a safetensors file, by the source's own ``load_weights``.

    Raises:
        TargetError: The provider is not available, or the source does not run.
    """
    device = torch_device(provider)
    with _explained():
        network, classifier = _loaded(net, path)
    network.to(device)
    observed = observe(network, classifier)

    def infer(images: Tensor) -> tuple[Tensor, Tensor]:
        with _explained():
            return observed(images)

    file = torch_file("Python source", infer, provider)
    return compare(net.provenance(), net.logical, net.weights, [file], provider=provider)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # of any class: a registered operation may have a name that PyTorch needs itself
        raise TargetError(f"target 'python': the source does not run: {type(error).__name__}: {error}") from error


def _loaded(net: CompiledNet, path: Path) -> tuple[nn.Module, nn.Module]:
    """The file's net with the weights, to infer with, and its classifier."""
    source: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
    exec(compile(path.read_bytes(), path, "exec"), source)  # noqa: S102 (our own; runpy would change sys of all threads)
    with preserved():  # its initial values, which the weights replace
        network: nn.Module = source["Network"]().eval()
    own = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
    # The head that only training uses is not compared: it keeps its values where the weights have none of it.
    auxiliary = {name: array for name, array in own.items() if origins.is_auxiliary(name) and array.ndim}
    with TemporaryDirectory() as folder:
        file = Path(folder) / "weights.safetensors"
        save({**auxiliary, **net.weights}, file)
        source["load_weights"](network, file)
    return network, network.get_submodule(origins.LOGITS)
