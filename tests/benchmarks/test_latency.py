"""The benchmark of predicted latencies, on a synthetic machine: figures, plot and exit code."""

from __future__ import annotations

import re
from pathlib import Path

import latency as benchmark
import pytest
import typer
from typer.testing import CliRunner

from genocc.latency.designs import Net
from tests.latency.synthetic import Cost, off_lines, synthetic_profile, timed

pytestmark = pytest.mark.full


def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cost: Cost, *arguments: str) -> tuple[int, str]:
    def measured(nets: list[Net], *_: object) -> list[list[float]]:
        return timed(cost)(nets)

    monkeypatch.setattr(benchmark, "measured", measured)
    monkeypatch.setattr(benchmark, "NUMBER", 12)
    synthetic_profile(off_lines).dump(tmp_path / "cpu.json")
    app = typer.Typer()
    app.command()(benchmark.main)
    given = ["-o", str(tmp_path / "latency.svg"), "--profile", str(tmp_path / "cpu.json"), *arguments]
    result = CliRunner().invoke(app, given)
    return result.exit_code, result.output


def test_a_machine_that_was_profiled_meets_the_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = run(tmp_path, monkeypatch, off_lines)
    assert code == 0, output
    assert "12 random genotypes" in output
    svg = (tmp_path / "latency.svg").read_text()
    assert "C=16, L=14" in svg
    assert "measured, ms" in svg


def test_a_machine_that_is_twice_as_slow_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = run(tmp_path, monkeypatch, lambda unit: 2 * off_lines(unit))
    assert code == 1
    found = re.search(r"median error +(\d+)\.\d%", output)
    assert found
    assert int(found[1]) == pytest.approx(50, abs=3)


def test_a_profile_of_another_runtime_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = run(tmp_path, monkeypatch, off_lines, "--runtime", "openvino")
    assert code == 2
    assert "was measured" in output
