"""Skeleton: the network around the super-cells."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt

from genocc.configuration import Part
from genocc.network import NetworkConfig, SkeletonName

from ..interface import DataShape


class SuperNetConfig(Part):
    """The skeleton around the super-cells; sizes of images and classes come from the data.

    Attributes:
        skeleton: ``cifar``, or ``imagenet``: a stem of three stride-2 convolutions (PC-DARTS 4.3, EnTranNAS 4.3). Or
            ``nas-bench-201``: cells of one input, and residual blocks as reductions; preset ``nas-bench-201`` has what
            goes with it.
        channels: C of the first cells (16 in all papers).
        layers: Number of cells (8; eDARTS IV-E: 5). Below 3 there is no normal cell.
        stem_stride: How much the stem shrinks the image; None: the skeleton's default. EC-DARTS 5.4 has 2 for
            Tiny-ImageNet.
        precision: What features are computed in; ``bfloat16`` by PyTorch's autocast, weights staying float32;
            ``float64``, weights too, to check something.
    """

    skeleton: SkeletonName = "cifar"
    channels: PositiveInt = 16
    layers: int = Field(default=8, ge=3)
    stem_stride: int | None = None
    precision: Literal["float32", "bfloat16", "float64"] = "float32"

    def network(self, data_shape: DataShape) -> NetworkConfig:
        """Returns the whole network's configuration; raises NetworkError where images and skeleton do not fit."""
        return NetworkConfig.make(
            skeleton=self.skeleton,
            channels=self.channels,
            layers=self.layers,
            stem_stride=self.stem_stride,
            **data_shape.of_network,
        )
