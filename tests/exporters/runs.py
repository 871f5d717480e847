"""Run folders as searches and trainings write them, without a search: what reports and films are made of."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genocc.genotype import Cell, Edge, Genotype
from genocc.runs.reading import CONFIG, HISTORY, RUN_GENOTYPE, SEARCH, TRAIN

COSTS = {
    "gpu_days": 2 / 86_400, "device": "cuda", "device_name": "NVIDIA H100", "processes": 1, "peak_memory": 3 << 30,
    "peak_device_memory": 5 << 29,
}  # fmt: skip
OPERATIONS = ("none", "skip_connect", "max_pool_3x3", "sep_conv_3x3")


def write_search(
    path: Path,
    *,
    epochs: int = 4,
    nodes: int = 2,
    operations: Sequence[str] = OPERATIONS,
    name: str = "made",
    finished: bool = True,
    seed: int = 0,
    accuracy: float = 0.9,
) -> Genotype:
    """A search whose coefficients sharpen epoch by epoch; all operations are derived at first, one an edge at last."""
    path.mkdir(parents=True, exist_ok=True)
    config = {
        "method": "entrannas-dst", "preset": "quick", "seed": seed, "data": {"name": "fake"},
        "relaxation": {"dst": True}, "schedule": {"epochs": epochs if finished else epochs + 3},
        "budget": {"skeleton": "cifar", "channels": 8, "layers": 5},
    }  # fmt: skip
    _write(path, SEARCH, config)
    lines = [_epoch(number, epochs, nodes, operations, name, accuracy) for number in range(1, epochs + 1)]
    (path / HISTORY).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    genotype = Genotype.from_dict(lines[-1]["genotype"])
    if finished:
        images = {"name": "fake", "classes": 10, "channels": 3, "size": [16, 16]}
        genotype = genotype.model_copy(update={"metadata": {"seed": seed, "images": images}})
        (path / RUN_GENOTYPE).write_text(genotype.dumps())
    return genotype


def write_training(path: Path, genotype: Genotype, *, epochs: int = 3, config: dict[str, Any] | None = None) -> None:
    """A training that is not finished: it has no weights."""
    path.mkdir(parents=True, exist_ok=True)
    network = {"skeleton": "cifar", "channels": 8, "layers": 5, "stem_stride": None}
    _write(path, TRAIN, config or {"preset": "quick", "seed": 0, "network": network, "data": {"name": "fake"}})
    (path / RUN_GENOTYPE).write_text(genotype.dumps())
    lines = [
        {
            "epoch": number, "learning_rate": 0.025 / number, "drop_path": 0.2 * number / epochs,
            "training": {"loss": 1 / number, "accuracy": 1 - 0.5 / number},
            "test": {"top1": 1 - 0.6 / number, "top5": 1 - 0.1 / number}, "seconds": 1.5, "images_per_second": 512.25,
            "costs": COSTS,
        }
        for number in range(1, epochs + 1)
    ]  # fmt: skip
    (path / HISTORY).write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def edges(nodes: int) -> list[tuple[int, int]]:
    """Every earlier state to every node."""
    return [(source, 2 + node) for node in range(nodes) for source in range(2 + node)]


def _write(path: Path, command: str, config: dict[str, Any]) -> None:
    (path / CONFIG).write_text(json.dumps({"command": command, "genocc": "0.1.0", "config": config}))


def _epoch(
    number: int, epochs: int, nodes: int, operations: Sequence[str], name: str, accuracy: float
) -> dict[str, Any]:
    sharpness = 6 * (number - 1) / max(epochs - 1, 1)
    rows = []
    for e, _ in enumerate(edges(nodes)):
        powers = [math.exp(sharpness * math.cos(1.7 * e + k)) for k in range(len(operations))]
        rows.append([power / sum(powers) for power in powers])
    kept = [[p if p > 0.9 * max(row) or p > 0.2 else 0.0 for p in row] for row in rows]
    cell = _cell(nodes, operations, kept)
    coefficients = {
        "edges": [list(edge) for edge in edges(nodes)], "operations": list(operations), "edge": [1.0] * len(rows),
        "op": [[round(x, 6) for x in row] for row in kept], "importance": [[round(x, 6) for x in row] for row in rows],
    }  # fmt: skip
    kinds = ("normal", "reduction")
    return {
        "epoch": number, "temperature": 0.9**number, "learning_rates": {"weights": 0.05, "architecture": 0.015},
        "weights": {"loss": 2 / number, "accuracy": 0.5}, "validation_accuracy": accuracy * number / epochs,
        "child_accuracy": 0.8 * accuracy * number / epochs, "seconds": 2.0, "costs": COSTS,
        "child_accuracy_stale": 0.4 * accuracy * number / epochs,
        "edges_per_node": {kind: [len(node) for node in cell.nodes] for kind in kinds},
        "skip_connections": dict.fromkeys(kinds, 1), "entropy": dict.fromkeys(kinds, 2.0 / number),
        "coefficients": dict.fromkeys(kinds, coefficients),
        "genotype": Genotype(name=name, cells=dict.fromkeys(kinds, cell)).model_dump(mode="json", exclude_none=True),
    }  # fmt: skip


def _cell(nodes: int, operations: Sequence[str], kept: Sequence[Sequence[float]]) -> Cell:
    incoming: list[list[Edge]] = [[] for _ in range(nodes)]
    for (source, target), row in zip(edges(nodes), kept, strict=True):
        for operation, value in zip(operations, row, strict=True):
            if value and operation != "none":
                edge = {"op": operation, "from": source, "weight": round(value, 6)}
                incoming[target - 2].append(Edge.model_validate(edge))
    return Cell(nodes=tuple(map(tuple, incoming)), concat=tuple(range(2, 2 + nodes)))
