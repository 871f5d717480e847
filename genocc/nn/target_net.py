"""The net of a genotype as an ``nn.Module`` for training and inference, and its weights as a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from genocc import weights as weight_files
from genocc.counting import check_weights
from genocc.genotype import Genotype
from genocc.graph import Graph
from genocc.initialization import initialize
from genocc.lowering import lower
from genocc.network import NetworkConfig
from genocc.nn.graph_module import ProgramPair
from genocc.nn.primitives import EMITTERS, Emitters
from genocc.provenance import Provenance, check_net


class TargetNet(ProgramPair):
    """The net of a genotype, for training and inference.

    In training mode it drops paths, and returns ``(logits, auxiliary_logits)`` if the configuration has an auxiliary
    head; in evaluation mode it returns ``logits``, (N, classes). The two are programs over one tree of modules, whose
    names are the graph's.

    Args:
        genotype: The cells.
        config: The network around them; the CIFAR defaults if not given.
        seed: Of the initialization: the same arrays as every other target of this seed.
        weights: Arrays by name or a safetensors file, instead of an initialization; an auxiliary head in them is
            ignored if the configuration has none.
        emitters: How each primitive is computed.

    Raises:
        NetworkError: The skeleton has no place for the genotype's cells, or the weights are too large.
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
        emitters: Emitters = EMITTERS,
    ) -> None:
        config = config or NetworkConfig()
        training, inference = (lower(genotype, config, training=mode) for mode in (True, False))
        check_weights(training)
        super().__init__(training, inference, _arrays(training, seed, weights), emitters)
        if isinstance(weights, (str, Path)):
            check_net(weight_files.metadata(weights), genotype, config, str(weights))
        self.genotype, self.config = genotype, config

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        result: Tensor | tuple[Tensor, Tensor] = self.run(image)
        return result


def save(net: TargetNet, path: str | Path, provenance: Provenance | None = None) -> None:
    """Writes a net's weights with its genotype and configuration, all or nothing, for `load`.

    Args:
        net: On any device, in any precision; stored in float32.
        path: Of the safetensors file.
        provenance: Metadata of the file; the net's genotype and configuration alone if not given.

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
        TargetError: Its metadata do not say which net the weights belong to.
        WeightsError: Its weights do not fit that net.
    """
    described = Provenance.from_metadata(weight_files.metadata(path), str(path))
    return TargetNet(described.genotype, described.config, weights=path)


def _arrays(graph: Graph, seed: int, weights: Mapping[str, Any] | str | Path | None) -> Mapping[str, Any]:
    if weights is None:
        return initialize(graph, seed)
    if isinstance(weights, (str, Path)):
        arrays = weight_files.load(weights)
        weight_files.check(arrays, graph, str(weights))
        return arrays
    return weights
