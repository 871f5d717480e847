"""A net without its head: the maps of chosen cells, for the heads of detectors, segmenters and others.

torchvision's models take it as it is: its output is a mapping of maps, whose widths are `Backbone.out_channels`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from genocc import weights as weight_files
from genocc.genotype import Genotype
from genocc.graph import Graph
from genocc.initialization import initialize
from genocc.lowering import lower
from genocc.network import NetworkConfig
from genocc.nn.graph_module import ProgramPair
from genocc.provenance import check_net


class Backbone(ProgramPair):
    """The net of a genotype up to a cell; it returns the outputs of cells by name, and trains like a `TargetNet`.

    The image may have any size: ``config.input_size`` and ``config.classes`` are ignored.

    Args:
        genotype: The cells.
        config: The network around them; the CIFAR defaults if not given. A smaller ``stem_stride`` gives
            denser maps with the same weights: stride 16 instead of 32 at the end of an ``imagenet`` net with 4.
        features: Name of an output -> number of its cell, in the order of the outputs.
        seed: Of the initialization: the same arrays as every target of this seed.
        weights: Arrays by name or a safetensors file, of this backbone or of the whole net; later cells and heads
            are ignored.

    Raises:
        NetworkError: The skeleton has no place for the genotype's cells, or there is no such cell.
        WeightsError: The weights do not fit the net; the message names the tensor.
        FileError: The file cannot be read.
    """

    def __init__(
        self,
        genotype: Genotype,
        config: NetworkConfig | None = None,
        *,
        features: Mapping[str, int],
        seed: int = 0,
        weights: Mapping[str, Any] | str | Path | None = None,
    ) -> None:
        config = config or NetworkConfig()
        training, inference = (lower(genotype, config, training=mode, features=features) for mode in (True, False))
        arrays = initialize(training, seed) if weights is None else _part(weights, training, lower(genotype, config))
        if isinstance(weights, (str, Path)):
            check_net(weight_files.metadata(weights), genotype, config, str(weights), any_stem=True)
        super().__init__(training, inference, arrays)
        self.genotype, self.config, self.features = genotype, config, dict(features)
        self._channels = [inference.nodes[value].shape[0] for value in inference.outputs.values()]

    @property
    def out_channels(self) -> list[int]:
        """Channels of each output, in order."""
        return list(self._channels)

    @property
    def strides(self) -> list[int]:
        """Stride of each output with respect to the image, in order; sizes that do not divide are rounded up."""
        reductions = self.config.reductions
        return [
            self.config.stem_stride * 2 ** sum(reduction <= cell for reduction in reductions)
            for cell in self.features.values()
        ]

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        found = self.run(image)
        maps = found if isinstance(found, tuple) else (found,)
        return dict(zip(self.features, maps, strict=True))


def _part(weights: Mapping[str, Any] | str | Path, graph: Graph, whole: Graph) -> Mapping[str, Any]:
    """The backbone's part of a whole net's arrays; arrays that neither of the two has are refused by name."""
    where = str(weights) if isinstance(weights, (str, Path)) else "weights"
    arrays = weight_files.load(weights) if isinstance(weights, (str, Path)) else weights
    own = {*graph.parameters(), *graph.buffers()}
    others = {*whole.parameters(), *whole.buffers()} - own
    part = {name: array for name, array in arrays.items() if name not in others}
    weight_files.check(part, graph, where)
    return part
