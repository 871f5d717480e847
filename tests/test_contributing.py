"""The examples of CONTRIBUTING.md work as they stand there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import genocc
from genocc import Genotype, NetworkConfig, lower
from genocc.data import DataRequest
from genocc.graph import GraphBuilder
from genocc.operations import OPERATIONS
from genocc.passes import Parameters, run_passes
from genocc.primitives import Input, Relu

PAGE = Path(__file__).parent.parent / "CONTRIBUTING.md"


def block(title: str) -> dict[str, Any]:
    """Runs the code block below a heading and returns its names."""
    match = re.search(rf"^## {title}\n.*?```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert match
    names: dict[str, Any] = {"__name__": "contributed"}
    exec(compile(match[1], str(PAGE), "exec", dont_inherit=True), names)
    return names


def test_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genocc.operations.OPERATIONS", OPERATIONS | {})
    block("An operation")
    cell = {"nodes": [[{"op": "squeeze_3x3", "from": 0}]], "concat": [2]}
    genotype = Genotype.from_dict({"name": "squeezed", "cells": {"normal": cell, "reduction": cell}})
    graph = lower(genotype, NetworkConfig.make(channels=8, layers=3, input_size=(9, 9)))
    assert graph.parameters()["cells.0.nodes.0.squeeze_3x3.0.down.weight"] == (2, 8, 1, 1)


def test_pass() -> None:
    step = block("A pass")["RemoveRepeatedRelu"]()
    b = GraphBuilder()
    b.add("image", Input(1, 2, 2))
    b.add("one", Relu(), "image")
    b.add("two", Relu(), "one")
    graph, _ = run_passes(b.build(y="two"), Parameters({}), [step], training=True)
    assert str(graph).endswith("return y = %one\n")


def test_target(darts_v2: Genotype, tmp_path: Path) -> None:
    exporter = block("A target")["TextExporter"]()
    config = NetworkConfig.make(channels=4, layers=3)
    genocc.compile(darts_v2, config, to=exporter, output=tmp_path / "net.txt", verify=False)
    assert (tmp_path / "net.txt").read_text().startswith("%image = input()")


def test_search_method(tmp_path: Path) -> None:
    method = block("A search method")["PcTransit"]
    tiny = ["data.size=8", "data.training=20", "data.validation=20", "schedule.batch_size=20", "supernet.layers=3"]
    found = genocc.search(tmp_path / "run", method=method, data="fake", epochs=1, overrides=tiny, device="cpu")
    assert found.config.method == found.genotype.metadata["method"] == "pc-transit"
    assert (found.config.placement.name, found.config.connection.partial) == ("first", 4)
    assert genocc.search(tmp_path / "run", resume=True).genotype == found.genotype


def test_data_set() -> None:
    data = block("A data set")["noise"](DataRequest("noise", size=8))
    assert (len(data.train), len(data.test), data.train.size, data.classes) == (160, 40, (8, 8), ("dark", "light"))


def test_every_example_is_run() -> None:
    headings = re.findall(r"^## (.*?)\n(?=(?:(?!^## ).)*?```python)", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert headings == ["An operation", "A pass", "A target", "A search method", "A data set"]
