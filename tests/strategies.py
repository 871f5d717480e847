"""Hypothesis strategies for genotypes and networks; every property test draws from here."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from genocc import Cell, Edge, Genotype, NetworkConfig
from genocc.operations import OPERATIONS

OPS = tuple(name for name in OPERATIONS if name != "none")


@st.composite
def cells(
    draw: st.DrawFn,
    *,
    max_nodes: int = 8,
    max_edges: int = 6,
    inputs: st.SearchStrategy[int] | None = None,
    ops: Sequence[str] = OPS,
    weights: bool = False,
    zeros: bool = False,
) -> Cell:
    """Cells with 1 to ``max_edges`` edges a node, repeated edges and operations, and dead nodes; and nodes of zeros."""
    count = draw(st.just(2) if inputs is None else inputs)
    nodes = []
    for number in range(draw(st.integers(1, max_nodes))):
        edge = st.builds(
            Edge,
            op=st.sampled_from(ops),
            source=st.integers(0, count + number - 1),
            weight=st.floats(0, 1) if weights else st.none(),
        )
        if zeros and draw(st.integers(0, 2)) == 0:
            nodes.append((Edge(op="none", source=draw(st.integers(0, count + number - 1))),))
        else:
            nodes.append(tuple(draw(st.lists(edge, min_size=1, max_size=max_edges))))
    states = range(count, count + len(nodes))
    concat = draw(st.lists(st.sampled_from(states), min_size=1, unique=True))
    return Cell(inputs=count, nodes=tuple(nodes), concat=tuple(concat))


@st.composite
def genotypes(
    draw: st.DrawFn,
    *,
    max_nodes: int = 8,
    max_edges: int = 6,
    ops: Sequence[str] = OPS,
    weights: bool = False,
    zeros: bool = False,
) -> Genotype:
    """Genotypes with a normal and a reduction cell of two inputs each, which every skeleton has a place for."""
    cell = cells(max_nodes=max_nodes, max_edges=max_edges, ops=ops, weights=weights, zeros=zeros)
    return Genotype(name="random", cells={"normal": draw(cell), "reduction": draw(cell)})


@st.composite
def networks(draw: st.DrawFn, *, max_channels: int = 6, max_layers: int = 4) -> NetworkConfig:
    """Small networks of both skeletons, odd image sizes among them."""
    skeleton = draw(st.sampled_from(["cifar", "imagenet"]))
    low, high = (5, 17) if skeleton == "cifar" else (24, 45)
    return NetworkConfig.make(
        skeleton=skeleton,
        channels=draw(st.integers(1, max_channels // 2)) * 2,
        layers=draw(st.integers(1, max_layers)),
        classes=draw(st.integers(2, 5)),
        input_size=(draw(st.integers(low, high)), draw(st.integers(low, high))),
        input_channels=draw(st.sampled_from([1, 3])),
        stem_stride=draw(st.sampled_from([1, 2] if skeleton == "cifar" else [2, 4, 8])),
    )


@st.composite
def renumbered(draw: st.DrawFn, cell: Cell) -> Cell:
    """The same cell with its nodes in another topological order, and its edges and concat shuffled."""
    order: list[int] = []
    waiting = list(range(cell.inputs, cell.states))
    while waiting:
        placed = {*range(cell.inputs), *order}
        ready = [s for s in waiting if all(edge.source in placed for edge in cell.nodes[s - cell.inputs])]
        order.append(draw(st.sampled_from(ready)))
        waiting.remove(order[-1])
    place = {**{s: s for s in range(cell.inputs)}, **{s: cell.inputs + i for i, s in enumerate(order)}}
    nodes = []
    for state in order:
        edges = draw(st.permutations(cell.nodes[state - cell.inputs]))
        nodes.append(tuple(Edge(op=edge.op, source=place[edge.source], weight=edge.weight) for edge in edges))
    concat = draw(st.permutations([place[state] for state in cell.concat]))
    return Cell(inputs=cell.inputs, nodes=tuple(nodes), concat=tuple(concat))


def crowded(nodes: int = 64, edges: int = 1024, op: str = "sep_conv_5x5") -> Genotype:
    """A genotype as large as the format allows, both cells alike."""
    per: list[list[dict[str, object]]] = [[] for _ in range(nodes)]
    for number in range(edges):
        node = number % nodes
        per[node].append({"op": op, "from": number * 7 % (node + 2)})
    cell = {"nodes": per, "concat": list(range(2, 2 + nodes))}
    return Genotype.from_dict({"name": "crowded", "cells": {"normal": cell, "reduction": cell}})
