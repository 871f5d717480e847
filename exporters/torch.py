"""The PyTorch target: the weights of a genotype's net, in a file that says which net it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from genocc import origins
from genocc import weights as weight_files
from genocc.errors import TargetError
from genocc.lowering import lower
from genocc.nn.graph_module import graph_module
from genocc.nn.target_net import TargetNet, load, save
from genocc.provenance import Provenance
from genocc.runtimes.torch import torch_device
from genocc.targets import CompiledNet, Exporter
from genocc.verification import Verification

from .deployment import Trained, check_class_names

__all__ = ["TargetNet", "TorchExporter", "load", "save"]


@dataclass(frozen=True)
class TorchExporter(Trained, Exporter):
    """Weights with genotype and configuration in a safetensors file; `load` makes the net of it."""

    name: ClassVar[str] = "torch"
    suffix: ClassVar[str] = ".safetensors"
    passes: ClassVar[tuple[str, ...]] = ()

    def write(self, net: CompiledNet, path: Path) -> int:
        if net.passes:
            raise TargetError(
                f"target 'torch' holds the weights of the net before any pass, found passes "
                f"{', '.join(net.passes)}; leave them out, or choose target 'pt2' for an optimized net"
            )
        names = [*net.graph.parameters(), *net.graph.buffers()]
        config = net.config.model_copy(update={"auxiliary": False})
        check_class_names(self.class_names, config)
        described = net.provenance(class_names=self.class_names, normalization=self.normalization)
        arrays = {name: net.parameters[name] for name in names}
        path.write_bytes(weight_files.serialize(arrays, replace(described, config=config).to_metadata()))
        return net.operators

    def verify(self, net: CompiledNet, path: Path, provider: str) -> Verification:
        """Compares the net that the file describes, its genotype and network included, with the one compiled."""
        from .comparison import compare, observe, torch_file

        described = Provenance.from_metadata(weight_files.metadata(path), str(path))
        graph = lower(described.genotype, described.config)
        loaded = graph_module(graph, weight_files.load(path)).to(torch_device(provider)).eval()
        file = torch_file("PyTorch", observe(loaded, loaded.get_submodule(origins.LOGITS)), provider)
        return compare(net.provenance(), net.logical, net.weights, [file], provider=provider)
