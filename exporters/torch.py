"""The PyTorch target: the weights of a genotype's net, in a file that says which net it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from torch import Tensor

from genocc import origins
from genocc import weights as weight_files
from genocc.compiler import CompiledNet, Exporter
from genocc.errors import TargetError
from genocc.nn.target_net import TargetNet, load, save
from genocc.provenance import Normalization, Provenance
from genocc.runtimes.torch import torch_device
from genocc.verification import Verification

from .deployment import check_class_names

__all__ = ["TargetNet", "TorchExporter", "load", "save"]


@dataclass(frozen=True)
class TorchExporter(Exporter):
    """Weights with genotype and configuration in a safetensors file; `load` makes the net of it.

    Attributes:
        class_names: Of the classes in order, for the file's metadata.
        normalization: Mean and deviation that images had taken out in training, for the metadata as well.
    """

    name: ClassVar[str] = "torch"
    suffix: ClassVar[str] = ".safetensors"
    passes: ClassVar[tuple[str, ...]] = ()

    class_names: tuple[str, ...] = ()
    normalization: Normalization | None = None

    def write(self, net: CompiledNet, path: Path) -> None:
        if net.passes:
            raise TargetError(
                f"target 'torch' holds the weights of the net as the genotype says it, found passes "
                f"{', '.join(net.passes)}; leave them out, or choose target 'pt2' for an optimized net"
            )
        names = [*net.graph.parameters(), *net.graph.buffers()]
        config = net.config.model_copy(update={"auxiliary": False})
        check_class_names(self.class_names, config)
        options = {"class_names": self.class_names, "normalization": self.normalization}
        described = replace(Provenance.of(net, **options), config=config)
        weight_files.save({name: net.parameters[name] for name in names}, path, described.to_metadata())

    def verify(self, net: CompiledNet, path: Path, provider: str) -> Verification:
        from .comparison import compare, torch_subject

        loaded = load(path).to(torch_device(provider)).eval()
        classifier = loaded.get_submodule(origins.LOGITS)
        features: list[Tensor] = []
        classifier.register_forward_pre_hook(lambda module, inputs: features.append(inputs[0]))

        def run(images: Tensor) -> tuple[Tensor, Tensor]:
            logits = loaded(images)
            return logits, features.pop() @ loaded.state_dict()[f"{origins.LOGITS}.weight"].T

        return compare(Provenance.of(net), net.weights, [torch_subject("PyTorch", run, provider)], provider=provider)
