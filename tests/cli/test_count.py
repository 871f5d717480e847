"""``genocc count``: the golden figures, and where they are read from."""

from __future__ import annotations

import json
from pathlib import Path

from genocc import Genotype
from genocc.exporters import torch as torch_target
from tests.cli.commands import error, run


def test_count_prints_the_golden_figures() -> None:
    output = run("count", "zoo:darts-v2", "--by", "edge", "--by", "cell").output
    assert "3,349,342" in output
    assert "528,359,040" in output
    assert "normal  0 -> 2  sep_conv_3x3" in output
    assert "cells.19" in output


def test_count_json() -> None:
    figures = json.loads(run("count", "zoo:darts-v2", "--skeleton", "imagenet", "--json").output)
    assert figures["parameters"] == 4_718_752
    assert figures["macs"] == 529_911_552
    assert figures["flops"] == 2 * 529_911_552
    assert {"auxiliary_parameters", "by_kind", "by_cell", "by_edge", "compiled"} <= figures.keys()


def test_genotype_from_standard_input(darts_v2: Genotype) -> None:
    figures = json.loads(run("count", "-", "--json", input=darts_v2.dumps()).output)
    assert figures["parameters"] == 3_349_342


def test_count_with_auxiliary_head() -> None:
    figures = json.loads(run("count", "zoo:darts-v2", "--auxiliary", "--json").output)
    assert figures["training"]["parameters"] == figures["parameters"] + figures["auxiliary_parameters"]
    assert "at least 8x8" in error("count", "zoo:darts-v2", "--auxiliary", "--input-size", "8")


def test_counts_are_of_the_net_that_was_trained(training_run: Path) -> None:
    figures = json.loads(run("count", training_run, "--json").stdout)
    assert (figures["network"]["channels"], figures["network"]["input_size"]) == (4, [8, 8])
    trained = torch_target.load(training_run / "best.safetensors")
    assert figures["parameters"] == sum(parameter.numel() for parameter in trained.parameters())


def test_items_add_up_to_the_total() -> None:
    figures = json.loads(run("count", "zoo:nasnet", "--channels", 4, "--layers", 3, "--json").output)
    for item in ("by_kind", "by_cell"):
        assert sum(row["macs"] for row in figures[item].values()) == figures["macs"]
    table = run("count", "zoo:nasnet", "--by", "cell").output
    assert "by cell" in table
    assert "by kind" not in table
