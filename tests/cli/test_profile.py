"""``genocc profile`` and ``genocc count --latency``, as a user runs them, on a synthetic machine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from genocc.exporters.bench import profiling
from tests.cli.commands import error, run
from tests.latency.synthetic import off_lines, synthetic_profile, timed

SMALL = ("--channels", 8, "--layers", 3, "--input-size", "8", "--nets", 24, "--rounds", 1, "--space", "ss1")
NET = ("--channels", 16, "--layers", 8, "--input-size", "16x16")


@pytest.fixture
def cpu(tmp_path: Path) -> Path:
    synthetic_profile().dump(tmp_path / "cpu.json")
    return tmp_path / "cpu.json"


def test_a_profile_is_measured_and_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiling, "measured", lambda nets, *_: timed(off_lines)(nets))
    path = tmp_path / "cpu.json"
    made = run("profile", "-o", path, *SMALL)
    assert made.exit_code == 0
    assert "max_pool_3x3" in made.stdout
    assert "Nets left out of the fit are predicted with a median error of" in made.stdout
    used = run("count", "zoo:pc-darts-cifar", "--latency", path, *NET)
    assert used.exit_code == 2  # it has sep_conv_5x5
    assert "measure again with genocc profile" in used.stderr


def test_latency_is_counted_by_cell_and_by_edge(cpu: Path) -> None:
    by_cell = run("count", "zoo:darts-v2", "--latency", cpu, *NET).stdout
    assert "predicted latency by cell" in by_cell
    assert "cells.7" in by_cell
    by_edge = run("count", "zoo:darts-v2", "--latency", cpu, "--by", "edge", *NET).stdout
    assert "around the edges" in by_edge
    assert "Predicted: " in by_edge


def test_latency_in_json(cpu: Path) -> None:
    found = json.loads(run("count", "zoo:darts-v2", "--latency", cpu, "--json", *NET).stdout)["latency"]
    assert sum(found["by_cell"].values()) == pytest.approx(found["seconds"])
    assert found["profile"]["runtime"] == "onnxruntime"
    assert len(found["by_edge"]) == 16


def test_a_file_of_another_machine_is_refused_unless_forced(cpu: Path) -> None:
    cpu.write_text(json.dumps({**json.loads(cpu.read_text()), "machine": "Z80, 1 cores"}))
    assert "was measured on 'Z80, 1 cores'" in error("count", "zoo:darts-v2", "--latency", cpu, *NET)
    assert run("count", "zoo:darts-v2", "--latency", cpu, "--force", *NET).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "missing/cpu.json"), "no such folder"),
        (("-o", "-"), "standard output"),
        (("-o", "cpu.json", "--runtime", "abacus"), "unknown runtime 'abacus'"),
        (("-o", "cpu.json", "--input-size", "big"), "--input-size"),
        (("-o", "cpu.json", "--nets", 2), "--nets 2: expected 24 to 2,000"),
    ],
)
def test_what_cannot_be_profiled(
    arguments: tuple[object, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in error("profile", *arguments)
