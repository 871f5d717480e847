"""Errors by depth; files of lower precision are in test_precision.py."""

from __future__ import annotations

import math

import numpy as np

import genocc
from genocc import Genotype, NetworkConfig
from genocc.exporters.depth import relative_error, shown_places
from genocc.primitives import Relu


def test_relative_error() -> None:
    ones = np.ones((2, 3), np.float32)
    assert relative_error(ones, ones) == 0
    assert relative_error(ones * 3, ones) == 2
    assert relative_error(ones * np.nan, ones) == math.inf
    assert relative_error(ones, ones * 0) == math.inf
    assert relative_error(ones * 0, ones * 0) == 0


def test_each_place_is_shown_by_its_last_value(darts_v2: Genotype) -> None:
    graph = genocc.lower(darts_v2, NetworkConfig(channels=4, layers=3, input_size=(16, 16)))
    found = shown_places(graph, frozenset(graph.nodes))
    assert found["cell 1"] == "cells.1.concat"
    assert list(found) == ["stem", "cell 0", "cell 1", "cell 2", "head", "classifier"]
    some = shown_places(graph, frozenset(graph.nodes) - {"cells.1.concat", "stem.bn"})
    assert not isinstance(graph.nodes[some["cell 1"]].primitive, Relu)
    assert some["stem"] == "stem.conv"
