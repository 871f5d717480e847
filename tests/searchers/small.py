"""The smallest searches that have everything in them, and what tests compare of their runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from genocc.runs.reading import CHECKPOINTS, read_history
from genocc.searchers.config import SearchConfig

SMALL = (
    "space=ss1",
    "data.name=fake",
    "data.size=8",
    "data.training=24",
    "data.validation=20",
    "schedule.batch_size=8",
    "schedule.epochs=2",
    "supernet.channels=4",
    "supernet.layers=3",
    "topology.nodes=2",
)
"""Settings as `--set` takes them: 3 weight steps and 2 architecture batches an epoch, in milliseconds each."""

METHODS = ("darts", "pc-darts", "ec-darts", "edarts", "entrannas", "entrannas-dst", "gdas", "drnas")


def small(method: str, *overrides: str) -> SearchConfig:
    """Returns the configuration of a small search."""
    own = {
        "edarts": ("topology.predecessors=[[0,1],[0,2]]",),
        "pc-darts": ("connection.partial=2", "schedule.warmup=0.5"),
        "entrannas": ("connection.bottleneck=2",),
        "entrannas-dst": ("connection.bottleneck=2", "space=ss1-no-zero"),
        "drnas": ("connection.partial=2", "schedule.partial=[1]", "schedule.operations=[2]", "space=ss1-no-zero"),
    }
    return SearchConfig.make(method, "cifar", [*SMALL, *own.get(method, ()), *overrides])


def weights(run: Path) -> dict[str, torch.Tensor]:
    """Returns w, BN statistics, alpha and beta of the newest checkpoint."""
    newest = max((run / CHECKPOINTS).iterdir())
    state: dict[str, torch.Tensor] = torch.load(newest, weights_only=True)["learner"]["net"]
    return state


def history(run: Path) -> list[dict[str, Any]]:
    """Returns the history without what a clock decides."""
    return [
        {name: value for name, value in line.items() if name not in ("seconds", "costs")} for line in read_history(run)
    ]


def assert_same(run: Path, other: Path) -> None:
    """Two runs came to the same end, to the bit."""
    assert history(run) == history(other)
    assert (run / "genotype.json").read_bytes() == (other / "genotype.json").read_bytes()
    first, second = weights(run), weights(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
