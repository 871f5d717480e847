"""How cells and the network are wired in Python source."""

from __future__ import annotations

import pytest

from genocc import Cell, Edge, Genotype, NetworkConfig
from genocc.exporters.python.exporter import source
from tests.exporters.python.python_files import TINY, check, run, tensor_names


@pytest.mark.parametrize("layers", [1, 2, 3, 4, 7])
def test_any_number_of_layers(darts_v2: Genotype, layers: int) -> None:
    config = NetworkConfig(channels=2, layers=layers, input_size=(7, 8))
    check(darts_v2, config)
    assert ("class NormalCell" in source(darts_v2, config)) == (layers > 2)


def test_dead_nodes_keep_their_weights_but_are_not_computed() -> None:
    edge = Edge(op="sep_conv_3x3", source=1)
    cell = Cell(nodes=((edge,), (edge,)), concat=(3,))
    genotype = Genotype(name="dead", cells={"normal": cell, "reduction": cell})
    check(genotype, TINY)
    text = source(genotype, TINY)
    assert "No output depends on s2" in text
    assert "s0 = " not in text  # no edge reads it
    assert "s2 = " not in text
    assert "cells.0.nodes.0.sep_conv_3x3.0.dw1.weight" in tensor_names(run(text).Network())


def test_a_node_repeats_operations_and_states() -> None:
    edges = tuple(Edge(op=op, source=0) for op in ("sep_conv_3x3", "skip_connect", "sep_conv_3x3", "skip_connect"))
    cell = Cell(nodes=(edges,), concat=(2,))
    genotype = Genotype(name="repeats", cells={"normal": cell, "reduction": cell})
    check(genotype, TINY)
    names = tensor_names(run(source(genotype, TINY)).Network())
    assert {"cells.0.nodes.0.sep_conv_3x3.0.dw1.weight", "cells.0.nodes.0.sep_conv_3x3.2.dw1.weight"} <= names
