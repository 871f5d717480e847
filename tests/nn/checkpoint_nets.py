"""Nets of the reference programs whose checkpoints tests read."""

from __future__ import annotations

from typing import Any

from genocc import Cell, Edge, Genotype, NetworkConfig
from genocc.checkpoints import LAYOUTS
from tests.reference_darts import Listed, ReferenceNetwork

DARTS = LAYOUTS["darts"]
CIFAR = NetworkConfig(channels=4, layers=4, classes=6)
IMAGENET = NetworkConfig.make(skeleton="imagenet", channels=4, layers=3, classes=6, input_size=(224, 224))
ALL_OPERATIONS = Genotype(
    name="all",
    cells={
        "normal": Cell(
            nodes=(
                (Edge(op="sep_conv_3x3", source=1), Edge(op="skip_connect", source=0)),
                (Edge(op="conv_1x7_7x1", source=2), Edge(op="max_pool_3x3", source=0)),
                (Edge(op="dil_conv_5x5", source=3), Edge(op="sep_conv_7x7", source=0)),
            ),
            concat=(2, 3, 4),
        ),
        "reduction": Cell(
            nodes=(
                (Edge(op="skip_connect", source=0), Edge(op="conv_1x7_7x1", source=1)),
                (Edge(op="skip_connect", source=2), Edge(op="skip_connect", source=1)),
                (Edge(op="sep_conv_5x5", source=1), Edge(op="avg_pool_3x3", source=0)),
                (Edge(op="dil_conv_3x3", source=0), Edge(op="dil_conv_3x3", source=0)),
            ),
            concat=(3, 4, 5),
        ),
    },
)
"""Every operation of the reference programs, some in both kinds of cell; three nodes in one, four in the other."""


def reference(
    genotype: Genotype | Listed = ALL_OPERATIONS, config: NetworkConfig = CIFAR, **options: Any
) -> ReferenceNetwork:
    return ReferenceNetwork(
        genotype,
        channels=config.channels,
        layers=config.layers,
        classes=config.classes,
        imagenet=config.skeleton == "imagenet",
        **options,
    )
