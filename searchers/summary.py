"""Summary of an epoch: the numbers of the architecture in history.jsonl, and lines for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from genocc.genotype import Cell, Genotype

from .interface import CellSpace, Coefficients


def architecture_numbers(
    spaces: Mapping[str, CellSpace], coefficients: Mapping[str, Coefficients], genotype: Genotype
) -> dict[str, Any]:
    """Returns plain data: the genotype and, per kind of cell, its coefficients, their entropy, edges and skips."""
    return {
        "edges_per_node": {kind: edges_per_node(cell) for kind, cell in genotype.cells.items()},
        "skip_connections": {kind: skip_connections(cell) for kind, cell in genotype.cells.items()},
        "entropy": {kind: entropy(spaces[kind], found) for kind, found in coefficients.items()},
        "coefficients": {
            kind: {
                "edges": [list(edge) for edge in spaces[kind].edges],
                "operations": list(spaces[kind].operations),
                "edge": _rounded(found.edge),
                "op": _rounded(found.op),
                "importance": _rounded(found.importance),
            }
            for kind, found in coefficients.items()
        },
        "genotype": genotype.model_dump(mode="json", exclude_none=True),
    }


def format_steps(numbers: Mapping[str, Any], edges: Mapping[str, int]) -> str:
    """Returns the losses and accuracies of an epoch so far as one line of less than 60 columns.

    Args:
        numbers: `Bilevel.numbers`.
        edges: Number of edges that each kind of cell would have now; empty where that is not known.
    """
    kinds = ("weights", "auxiliary", "architecture")
    seen = [numbers[kind] for kind in kinds if "loss" in numbers.get(kind, {})]  # not before its first step
    losses = " | ".join(f"{kind['loss']:.2f}" for kind in seen)
    accuracies = " | ".join(f"{kind['accuracy']:.0%}" for kind in seen)
    counted = f"  edges {' + '.join(map(str, edges.values()))}" if edges else ""
    return f"loss {losses}  acc {accuracies}{counted}"


def format_epoch(line: Mapping[str, Any]) -> str:
    """Returns an epoch of the history as one line for people."""
    edges = ", ".join(f"{sum(counts)} {kind}" for kind, counts in line["edges_per_node"].items())
    stage = f"stage {line['stage']}  " if "stage" in line else ""
    return (
        f"{stage}loss {line['weights']['loss']:.3f}  accuracy {line['validation_accuracy']:.3f}  "
        f"child net {line['child_accuracy']:.3f}  edges {edges}  {line['seconds']:.1f} s"
    )


def edges_per_node(cell: Cell) -> list[int]:
    """Returns the number of edges into each node, `none` apart."""
    return [sum(not edge.is_none for edge in edges) for edges in cell.nodes]


def skip_connections(cell: Cell) -> int:
    """Returns the number of skips among the edges, by which collapsed searches are recognised (eDARTS III-C)."""
    return sum(edge.op == "skip_connect" for _, _, edge in cell.edges())


def entropy(space: CellSpace, coefficients: Coefficients) -> float:
    """Returns the mean entropy of a cell's nodes, in nats: 0 when every node has one operation on one edge.

    Coefficients are scaled to sum one per node, over its edges and operations together.
    """
    products = (coefficients.edge[:, None] * coefficients.op).detach().double()
    nodes = []
    for target in range(space.inputs, space.inputs + space.nodes):
        shares = products[space.incoming(target)].flatten()
        nodes.append(torch.special.entr(shares / shares.sum()).sum())
    return float(torch.stack(nodes).mean())


def _rounded(values: Tensor) -> Any:
    return [[round(x, 6) for x in row] if isinstance(row, list) else round(row, 6) for row in values.tolist()]
