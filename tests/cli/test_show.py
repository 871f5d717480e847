"""``genocc show``."""

from __future__ import annotations

import json
from pathlib import Path

from genocc import Genotype
from tests.cli.commands import run


def test_show(darts_v2: Genotype) -> None:
    assert run("show", "zoo:darts-v2", "--hash").output == f"{darts_v2.hash}\n"
    assert json.loads(run("show", "zoo:darts-v2", "--hash", "--json").output) == {"hash": darts_v2.hash}
    assert "concat 2, 3, 4, 5" in run("show", "zoo:darts-v2").output
    shown = json.loads(run("show", "zoo:darts-v2", "--json").output)
    assert shown["hash"] == darts_v2.hash
    assert shown["dead"] == {"normal": [], "reduction": []}


def test_show_says_what_is_dead(darts_v2: Genotype, tmp_path: Path) -> None:
    document = json.loads(darts_v2.dumps())
    document["cells"]["normal"]["concat"] = [2, 3, 4]
    (tmp_path / "dead.json").write_text(json.dumps(document))
    lines = [line for line in run("show", str(tmp_path / "dead.json")).output.splitlines() if "dead" in line.split()]
    assert len(lines) == 2


def test_show_says_what_is_zero(tmp_path: Path) -> None:
    none = [{"op": "none", "from": 1}]
    nodes = [none, [{"op": "conv_1x1", "from": 2}], none]
    Genotype.from_dict({"name": "n", "cells": {"normal": {"nodes": nodes, "concat": [2, 3]}}}).save(tmp_path / "n.json")
    output = run("show", tmp_path / "n.json").output
    rows = [line.split() for line in output.splitlines()]
    assert "n: normal cell, 2 inputs, 3 nodes, 1 edges" in output
    assert ["2", "none", "-", "zero"] in rows
    assert ["4", "none", "-", "zero,", "dead"] in rows
