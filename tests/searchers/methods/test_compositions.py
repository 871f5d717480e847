"""The six methods: the settings of their papers."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from genocc.genotype import Genotype
from genocc.searchers.config import SearchConfig
from genocc.searchers.search import run_search
from genocc.searchers.settings import settings
from genocc.searchers.topologies.shipped import best_topology


@pytest.mark.parametrize(
    ("method", "layers", "epochs", "batch", "rates", "adam"),
    [
        ("darts", 8, 50, 64, (0.025, 0.001), 3e-4),
        ("pc-darts", 8, 50, 256, (0.1, 0), 6e-4),
        ("ec-darts", 8, 25, 64, (0.025, 0.001), 3e-4),
        ("edarts", 5, 50, 64, (0.025, 0.001), 3e-4),
        ("entrannas", 8, 50, 512, (0.2, 0), 6e-4),
        ("entrannas-dst", 8, 50, 512, (0.2, 0), 6e-4),
    ],
)
def test_settings_of_the_papers_on_cifar(
    method: str, layers: int, epochs: int, batch: int, rates: tuple[float, float], adam: float
) -> None:
    c = SearchConfig.make(method)
    assert (c.supernet.layers, c.supernet.channels, c.schedule.epochs, c.schedule.batch_size) == (
        layers,
        16,
        epochs,
        batch,
    )
    assert (c.weights.learning_rate, c.weights.learning_rate_end) == rates
    assert (c.weights.momentum, c.weights.weight_decay, c.weights.clip) == (0.9, 3e-4, 5)
    assert (c.architecture.learning_rate, c.architecture.betas, c.architecture.weight_decay) == (
        adam,
        (0.5, 0.999),
        1e-3,
    )


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("darts", {}),
        ("pc-darts", {"connection.partial": 4, "relaxation.edge_normalization": True, "schedule.warmup": 0.3}),
        ("ec-darts", {"relaxation.name": "cen", "schedule.ist": True}),
        (
            "edarts",
            {
                "topology.name": "fixed",
                "topology.predecessors": [list(states) for states in best_topology()],
                "derivation.name": "argmax",
                "schedule.order": 2,
                "schedule.architecture_steps": "epoch",
                "relaxation.attention": {
                    "sep_conv_3x3": 6e-4, "sep_conv_5x5": 4e-4, "dil_conv_5x5": -6e-4, "dil_conv_3x3": -4e-4
                },
                "data.training": 2500,
                "data.validation": 2500,
            },
        ),
        (
            "entrannas",
            {
                "relaxation.temperature": 5.0,
                "relaxation.temperature_ratio": 0.923,
                "connection.share": True,
                "connection.bottleneck": 4,
                "placement.name": "first",
            },
        ),
        (
            "entrannas-dst",
            {
                "space.name": "darts-no-zero",
                "relaxation.temperature": 5.0,
                "relaxation.temperature_ratio": 0.923,
                "relaxation.dst": True,
                "connection.share": True,
                "connection.bottleneck": 4,
                "placement.name": "first",
                "derivation.name": "non-zero",
            },
        ),
    ],
)  # fmt: skip
def test_the_parts_of_each_method(method: str, expected: dict[str, Any]) -> None:
    """The table of parts: what a method does not name is as in DARTS."""
    parts = ("space", "topology", "relaxation", "connection", "placement", "derivation")
    darts, found = (settings(SearchConfig.make(name)) for name in ("darts", method))
    same_class = [name for name in found if name in darts or name in expected]
    different = {name for name in same_class if name.startswith(parts) and found[name] != darts.get(name)}
    assert {name: found[name] for name in expected} == expected
    assert different == {name for name in expected if name.startswith(parts)}


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (
            "pc-darts",
            {"connection.partial": 2, "schedule.warmup": 0.7, "data.validation": 0.025, "weights.weight_decay": 3e-5},
        ),
        ("ec-darts", {"schedule.epochs": 30, "data.validation": 0.025, "weights.weight_decay": 3e-4}),
        ("entrannas", {"data.validation": 0.1, "relaxation.temperature": 5.0, "relaxation.temperature_ratio": 0.923}),
        (
            "entrannas-dst",
            {"relaxation.temperature": 1.0, "relaxation.temperature_ratio": 0.9, "penalties.sparsity.factor": 0.2},
        ),
    ],
)
def test_settings_of_the_papers_on_imagenet(method: str, expected: dict[str, Any]) -> None:
    common = {
        "schedule.batch_size": 1024, "weights.learning_rate": 0.5, "weights.learning_rate_end": 0.0,
        "architecture.learning_rate": 6e-3, "supernet.skeleton": "imagenet", "data.training": 0.1,
    }  # fmt: skip
    found = settings(SearchConfig.make(method, "imagenet"))
    assert {name: found[name] for name in (*common, *expected)} == common | expected


def test_quick_of_dst_anneals_as_far_as_the_paper_does_on_cifar() -> None:
    quick, paper = SearchConfig.make("entrannas-dst", "quick"), SearchConfig.make("entrannas-dst")
    end = paper.relaxation.temperature * paper.relaxation.temperature_ratio**49
    assert quick.relaxation.temperature_floor == pytest.approx(end, rel=0.02)
    assert paper.relaxation.temperature_floor == 0
    assert quick.penalties["sparsity"].factor == paper.penalties["sparsity"].factor == 0.2


@pytest.mark.full
@pytest.mark.parametrize("seed", range(5))
def test_quick_of_dst_cuts_edges_that_stay_cut_and_its_child_is_the_super_net(seed: int, tmp_path: Path) -> None:
    config = SearchConfig.make("entrannas-dst", "quick", ["child.batches=0"], seed=seed)
    history = run_search(config, tmp_path / "run", device="cpu").history
    kept = [edges(line) for line in history[8:]]  # tau has stopped falling
    assert all(after <= before for before, after in pairwise(kept))
    assert 8 <= len(kept[-1]) <= 26, "of 28"
    last = history[-1]
    assert sum(map(sum, last["edges_per_node"].values())) == len(kept[-1]), "one operation on each edge"
    assert last["child_accuracy"] == last["validation_accuracy"]


def edges(line: dict[str, Any]) -> set[tuple[str, int, int]]:
    cells = Genotype.from_dict(line["genotype"]).cells
    return {
        (kind, node, edge.source)
        for kind, cell in cells.items()
        for node, of_node in enumerate(cell.nodes)
        for edge in of_node
    }
