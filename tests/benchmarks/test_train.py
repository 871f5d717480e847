"""The benchmark of training steps: both ways take the same step, and the table has a row for each cell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import train as benchmark
import typer
from torch import nn
from typer.testing import CliRunner

import genocc
from genocc.network import NetworkConfig
from genocc.nn.primitives import DilatedConv2d
from genocc.nn.target_net import TargetNet

SMALL = NetworkConfig(channels=4, layers=3, input_size=(8, 8))


def test_the_table_has_a_row_for_each_cell(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(benchmark.main)
    path = tmp_path / "train.json"
    result = CliRunner().invoke(app, ["--quick", "--cells", "pdarts,darts-v1", "--json", str(path)])
    assert result.exit_code == 0, result.output
    assert all(name in result.output for name in ("pdarts", "darts-v1", "x faster"))
    found = json.loads(path.read_text())["seconds"]
    assert {cell: {way: len(turns) for way, turns in ways.items()} for cell, ways in found.items()} == {
        cell: dict.fromkeys(benchmark.WAYS, 1) for cell in ("pdarts", "darts-v1")
    }


def test_the_ways_differ_in_their_dilated_convolutions_alone() -> None:
    theirs, ours = (
        TargetNet(genocc.load("zoo:pdarts"), SMALL, seed=0, emitters=emitters).to(memory_format=torch.channels_last)
        for emitters in benchmark.WAYS.values()
    )
    pairs = list(zip(theirs.modules(), ours.modules(), strict=True))
    others = {(type(one), type(other)) for one, other in pairs if type(one) is not type(other)}
    assert others == {(nn.Conv2d, DilatedConv2d)}
    images = torch.randn(4, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    for net in (theirs, ours):
        net(images).square().sum().backward()
    for one, other in zip(theirs.parameters(), ours.parameters(), strict=True):
        assert one.grad is not None
        assert other.grad is not None
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-4 * float(one.grad.abs().max()))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
