"""Checkpoints of the DARTS program and of those derived from it, PC-DARTS and P-DARTS among them.

These programs number their modules: an operation is an ``nn.Sequential``, and a cell's operations are one list over
its edges, node by node, ``none`` among them (an edge's ``number`` is its place in that list). Our recipes have the same
steps in the same order, so the number of a module is the place of its node in the recipe.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from genocc import origins
from genocc.checkpoints.layout import Layout
from genocc.errors import NetworkError
from genocc.genotype import Genotype
from genocc.graph import Node
from genocc.lowering import lower
from genocc.network import SKELETONS, NetworkConfig
from genocc.origins import Edge, Place, Preprocessing, Section
from genocc.primitives import Linear, Shape, ShiftPad

HEAD = "auxiliary_head."
AUXILIARY_BN = f"{HEAD}features.6.running_mean"
"""Of the BN after the head's 2x2 convolution; in the DARTS program's ImageNet net a ReLU has this number."""

LINEAR = {origins.CLASSIFIER: "classifier", origins.AUXILIARY: f"{HEAD}classifier"}
"""Our section -> the programs' name of the linear layer that ends it."""

FACTORIZED_REDUCE = {"conv1": "conv_1", "conv2": "conv_2", "bn": "bn"}
"""The parts of the only block that is not an ``nn.Sequential``."""

BARE = ("conv_1x3_3x1", "conv_1x5_5x1", "conv_1x7_7x1")
"""Operations that are an ``nn.Sequential`` themselves; the others have it as their ``op``."""


class DartsLayout(Layout):
    """The names of the DARTS, PC-DARTS and P-DARTS programs."""

    name = "darts"
    programs = "DARTS, PC-DARTS, P-DARTS"

    def names(self, genotype: Genotype, config: NetworkConfig) -> dict[str, str]:
        if SKELETONS[config.skeleton].inputs != 2:
            raise NetworkError(
                f"layout '{self.name}' is of {self.programs}, which have no skeleton '{config.skeleton}'"
            )
        blocks: dict[Place, list[Node]] = {}
        for node in lower(genotype, config, training=True).nodes.values():
            blocks.setdefault(origins.parse(node.name).place, []).append(node)
        found = {}
        for place, nodes in blocks.items():
            for number, node in enumerate(nodes):
                for ours in (*node.parameters(), *node.buffers()):
                    found[ours] = f"{_module(place, nodes, number, genotype, config)}.{origins.role(ours)}"
        return found

    def is_ignored(self, name: str) -> bool:
        return name.endswith(".num_batches_tracked")

    def is_auxiliary(self, name: str) -> bool:
        return name.startswith(HEAD)

    def has_auxiliary_bn(self, names: Collection[str]) -> bool:
        return AUXILIARY_BN in names

    def options(self, shapes: Mapping[str, Shape]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for skeleton, stem, multiple in (("cifar", "stem.0.weight", 3), ("imagenet", "stem1.1.weight", 1)):
            if len(shape := shapes.get(stem, ())) == 4:
                found |= {"skeleton": skeleton, "channels": shape[0] // multiple}
        for first in ("stem.0.weight", "stem0.0.weight"):
            if len(shape := shapes.get(first, ())) == 4:
                found["input_channels"] = shape[1]
        if cells := [int(match[1]) for name in shapes if (match := re.match(r"cells\.(\d{1,9})\.", name))]:
            found["layers"] = max(cells) + 1
        if len(shape := shapes.get("classifier.weight", ())) == 2:
            found["classes"] = shape[0]
        return found


def _module(place: Place, block: list[Node], number: int, genotype: Genotype, config: NetworkConfig) -> str:
    """The programs' name of the module at a position of a block."""
    if isinstance(place, Section):
        if isinstance(block[number].primitive, Linear):
            return LINEAR[place.name]
        return f"{HEAD}features.{number}" if place.name == origins.AUXILIARY else f"{place}.{number}"
    assert isinstance(place, Preprocessing | Edge), f"{place} has no modules"
    if isinstance(place, Preprocessing):
        module = f"cells.{place.cell}.preprocess{place.index}"
    else:
        nodes = genotype.cells[config.kind(place.cell)].nodes
        stated = nodes[place.node][place.position].number
        counted = sum(map(len, nodes[: place.node])) + place.position
        module = f"cells.{place.cell}._ops.{counted if stated is None else stated}"
    if any(isinstance(part.primitive, ShiftPad) for part in block):
        return f"{module}.{FACTORIZED_REDUCE[origins.parse(block[number].name).what]}"
    return f"{module}.{number}" if isinstance(place, Edge) and place.op in BARE else f"{module}.op.{number}"
