"""The PyTorch target: a genotype's net as an ``nn.Module`` that trains and infers, and its weights as a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor

from genocc import weights as weight_files
from genocc.compiler import CompiledNet, Exporter
from genocc.errors import TargetError
from genocc.genotype import Genotype
from genocc.graph import Graph
from genocc.initialization import initialize
from genocc.lowering import lower
from genocc.network import NetworkConfig
from genocc.verification import Verification

from .constructs import CONSTRUCTS, Constructs
from .deployment import check_class_names
from .graph_module import ProgramPair
from .provenance import Normalization, Provenance


class TargetNet(ProgramPair):
    """The net of a genotype, to train and to infer with.

    In training mode it drops paths, and returns ``(logits, auxiliary_logits)`` if the configuration has an auxiliary
    head; in evaluation mode it returns ``logits``, (N, classes). The two are programs over one tree of modules, whose
    names are the graph's.

    Args:
        genotype: The cells.
        config: The network around them; the CIFAR defaults where it is not given.
        seed: Of the initialization: the same arrays as every other target of this seed.
        weights: Arrays by name or a safetensors file, instead of an initialization; an auxiliary head in them is
            ignored if the configuration has none.
        constructs: How each primitive is computed.

    Raises:
        NetworkError: The skeleton has no place for the genotype's cells.
        WeightsError: The weights do not fit the net; the message names the tensor.
        FileError: The file cannot be read.
    """

    def __init__(
        self,
        genotype: Genotype,
        config: NetworkConfig | None = None,
        *,
        seed: int = 0,
        weights: Mapping[str, Any] | str | Path | None = None,
        constructs: Constructs = CONSTRUCTS,
    ) -> None:
        config = config or NetworkConfig()
        training, inference = (lower(genotype, config, training=mode) for mode in (True, False))
        super().__init__(training, inference, _arrays(training, seed, weights), constructs)
        self.genotype, self.config = genotype, config

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        result: Tensor | tuple[Tensor, Tensor] = self.run(image)
        return result


def save(net: TargetNet, path: str | Path, provenance: Provenance | None = None) -> None:
    """Writes a net's weights with its genotype and configuration, all or nothing, for `load`.

    Args:
        net: On any device, in any precision; stored in float32.
        path: Of the safetensors file.
        provenance: What else the file shall say; its genotype and configuration are the net's.

    Raises:
        FileError: The file cannot be written.
    """
    arrays = {name: tensor.detach().float().cpu().numpy() for name, tensor in net.state_dict().items()}
    described = provenance or Provenance(net.genotype, net.config)
    weight_files.save(arrays, path, described.to_metadata())


def load(path: str | Path) -> TargetNet:
    """Returns the net of a file that `save`, ``genocc compile --to torch`` or ``genocc import-weights`` wrote.

    Raises:
        FileError: The file cannot be read.
        TargetError: It does not say which net its weights belong to.
        WeightsError: Its weights do not fit that net.
    """
    described = Provenance.from_metadata(weight_files.metadata(path), str(path))
    return TargetNet(described.genotype, described.config, weights=path)


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
        from .comparison import compare
        from .torch_runtime import subject, torch_device

        loaded = load(path).to(torch_device(provider)).eval()
        classifier = loaded.get_submodule("classifier.linear")
        features: list[Tensor] = []
        classifier.register_forward_pre_hook(lambda module, inputs: features.append(inputs[0]))

        def run(images: Tensor) -> tuple[Tensor, Tensor]:
            logits = loaded(images)
            return logits, features.pop() @ loaded.state_dict()["classifier.linear.weight"].T

        return compare(Provenance.of(net), net.weights, [subject("PyTorch", run, provider)], provider=provider)


def _arrays(graph: Graph, seed: int, weights: Mapping[str, Any] | str | Path | None) -> Mapping[str, Any]:
    if weights is None:
        return initialize(graph, seed)
    if isinstance(weights, (str, Path)):
        arrays = weight_files.load(weights)
        weight_files.check(arrays, graph, str(weights))
        return arrays
    return weights
