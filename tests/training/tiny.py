"""The smallest trainings that have everything in them, and what tests compare of their runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from genocc import Genotype
from genocc.runs.reading import CHECKPOINTS, read_history
from genocc.training.config import TrainConfig

_CELL = {
    "nodes": [
        [{"op": "sep_conv_3x3", "from": 0}, {"op": "skip_connect", "from": 1}],
        [{"op": "max_pool_3x3", "from": 2}, {"op": "dil_conv_3x3", "from": 1}, {"op": "skip_connect", "from": 0}],
        [{"op": "conv_1x1", "from": 3}],
    ],
    "concat": [2, 3],
}
GENOTYPE = Genotype.from_dict({"name": "tiny", "cells": {"normal": _CELL, "reduction": _CELL}})
"""Two nodes, and a third that nothing depends on."""

TINY = (
    "network.channels=4",
    "network.layers=3",
    "network.auxiliary=false",
    "schedule.epochs=3",
    "schedule.batch_size=12",
    "schedule.warmup=1",
    "regularization.drop_path=0.3",
    "regularization.label_smoothing=0.1",
    "average.decay=0.8",
    "data.name=fake",
    "data.size=8",
    "data.training=40",
    "data.cutout=3",
)
"""Settings as `--set` takes them: three steps an epoch, in milliseconds each."""


def tiny(*overrides: str) -> TrainConfig:
    """Returns the configuration of a tiny training."""
    return TrainConfig.make("cifar", [*TINY, *overrides])


def history(run: Path) -> list[dict[str, Any]]:
    """Returns the history without what a clock decides."""
    clocks = ("seconds", "images_per_second", "costs")
    return [{name: value for name, value in line.items() if name not in clocks} for line in read_history(run)]


def weights(run: Path) -> dict[str, torch.Tensor]:
    """Returns weights and BN statistics of the newest checkpoint."""
    newest = max((run / CHECKPOINTS).iterdir())
    state: dict[str, torch.Tensor] = torch.load(newest, weights_only=True)["learner"]["net"]
    return state


def assert_same(run: Path, other: Path) -> None:
    """Two runs came to the same end, to the bit."""
    assert history(run) == history(other)
    for name in ("best.safetensors", "last.safetensors", "genotype.json"):
        assert (run / name).read_bytes() == (other / name).read_bytes(), name
    first, second = weights(run), weights(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
