"""The names of the DARTS programs' tensors, against an independent network that is written like theirs."""

from __future__ import annotations

import pytest

from genocc import Genotype, NetworkConfig, lower
from genocc.checkpoints import LAYOUTS
from genocc.errors import NetworkError
from tests.nn.checkpoint_nets import ALL_OPERATIONS, CIFAR, IMAGENET, reference

DARTS = LAYOUTS["darts"]


@pytest.mark.parametrize("config", [CIFAR, IMAGENET], ids=["cifar", "imagenet"])
@pytest.mark.parametrize("norm", [False, True])
def test_every_tensor_of_the_programs_has_one_name_of_ours(config: NetworkConfig, norm: bool) -> None:
    config = config.model_copy(update={"auxiliary": True, "auxiliary_bn": norm})
    theirs = reference(config=config, auxiliary=True, auxiliary_bn=norm).state_dict()
    names = DARTS.names(ALL_OPERATIONS, config)
    graph = lower(ALL_OPERATIONS, config, training=True)
    shapes = {**graph.parameters(), **graph.buffers()}
    assert {name: tuple(theirs[other].shape) for name, other in names.items()} == shapes
    assert sorted(names.values()) == sorted(name for name in theirs if not DARTS.is_ignored(name))
    assert DARTS.has_auxiliary_bn(theirs.keys()) == norm
    head = {ours for ours, other in names.items() if DARTS.is_auxiliary(other)}
    assert head == {ours for ours in names if ours.startswith("auxiliary.")}


def test_names_by_hand(darts_v2: Genotype) -> None:
    """DARTS_V2: the last node's edges are operations 6 and 7; cell 2 follows a reduction."""
    names = DARTS.names(darts_v2, NetworkConfig.make(layers=3, auxiliary=True))
    assert names["stem.conv.weight"] == "stem.0.weight"
    assert names["stem.bn.running_mean"] == "stem.1.running_mean"
    assert names["cells.0.pre1.bn.bias"] == "cells.0.preprocess1.op.2.bias"
    assert names["cells.0.nodes.3.dil_conv_3x3.1.pw.weight"] == "cells.0._ops.7.op.2.weight"
    assert names["cells.0.nodes.0.sep_conv_3x3.1.bn2.weight"] == "cells.0._ops.1.op.7.weight"
    assert names["cells.2.pre0.conv2.weight"] == "cells.2.preprocess0.conv_2.weight"
    assert names["classifier.linear.bias"] == "classifier.bias"
    assert names["auxiliary.conv2.weight"] == "auxiliary_head.features.5.weight"
    assert names["auxiliary.linear.weight"] == "auxiliary_head.classifier.weight"


@pytest.mark.parametrize("config", [CIFAR, IMAGENET], ids=["cifar", "imagenet"])
def test_options_are_read_off_the_shapes(config: NetworkConfig) -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in reference(config=config).state_dict().items()}
    expected = config.model_dump(include={"skeleton", "channels", "layers", "classes", "input_channels"})
    assert DARTS.options(shapes) == expected
    assert DARTS.options({"fc.weight": (3, 3)}) == {}


def test_a_skeleton_of_another_program_is_refused() -> None:
    cell = {"inputs": 1, "nodes": [[{"op": "conv_3x3", "from": 0}]], "concat": [1]}
    genotype = Genotype.from_dict({"name": "one", "cells": {"normal": cell}})
    with pytest.raises(NetworkError, match="P-DARTS, which have no skeleton 'nas-bench-201'"):
        DARTS.names(genotype, NetworkConfig.make(skeleton="nas-bench-201"))
