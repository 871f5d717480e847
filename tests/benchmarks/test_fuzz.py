"""The campaign over random genotypes finds nothing where all is right, and finds what is wrong."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import fuzz
from genocc import Genotype, NetworkConfig
from genocc.engines.base import Engine, Job, Outcome
from genocc.exporters import onnx_nodes
from genocc.passes import PASSES
from genocc.primitives import MaxPool


def test_the_script_counts_its_cases() -> None:
    script = Path(fuzz.__file__)
    done = subprocess.run(
        [sys.executable, script, "--count", "3", "--seed", "2"], capture_output=True, text=True, check=True
    )  # none of them is compiled by TorchInductor, which takes half a minute
    assert "3 cases, seed 2" in done.stdout
    assert done.stdout.splitlines()[-1] == "0 mismatches"


def test_a_wrong_operator_is_found(monkeypatch: pytest.MonkeyPatch, darts_v2: Genotype) -> None:
    case = fuzz.Case(darts_v2, NetworkConfig(channels=4, layers=3, input_size=(9, 8)), tuple(PASSES), 0)
    assert all(error <= fuzz.TOLERANCES[what] for what, error in fuzz.errors(case))
    assert set(dict(fuzz.errors(case))) == set(fuzz.TOLERANCES) - {"inductor", "inductor, no passes"}
    monkeypatch.setitem(onnx_nodes.EMITTERS, MaxPool, onnx_nodes._pool("AveragePool", count_include_pad=0))
    wrong = {what for what, error in fuzz.errors(case) if error > fuzz.TOLERANCES[what]}
    files = {"onnxruntime", "openvino"}
    assert wrong == {*files, *(name + fuzz.PLAIN for name in files), "onnx reference, float64"}
    assert fuzz.culprit(case) == "no pass; the target named above"


def test_parts_of_a_campaign_are_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their sums; a part that is there is not run again, a mismatch in one is that of the campaign."""
    monkeypatch.setattr(fuzz, "PART", 2)
    ran: list[tuple[str, ...]] = []

    class Here(Engine):
        name = "here"

        def run(self, jobs: Iterable[Job], **_: Any) -> Iterator[Outcome]:  # type: ignore[override]
            for job in jobs:
                ran.append(job.arguments)
                fuzz.part(int(job.arguments[1]), int(job.arguments[3]), job.folder)
                yield Outcome(job, True, 1, 0.0, "")

    def found(count: int, seed: int) -> tuple[fuzz.Tally, None]:
        tally = fuzz.Tally(cases=count, mismatch="MISMATCH" if seed == 9 else "")
        tally.worst["eager"], tally.runs["eager"] = seed / 10, count
        return tally, None

    Here.__abstractmethods__ = frozenset()
    monkeypatch.setattr(fuzz, "campaign", found)
    total = fuzz.in_parts(Here(1, None), 5, 7, tmp_path)
    assert [line[:4] for line in ran] == [("--count", str(n), "--seed", str(s)) for n, s in ((2, 7), (2, 8), (1, 9))]
    assert (total.cases, total.worst["eager"], total.runs["eager"], total.mismatch) == (5, 0.9, 5, "MISMATCH")
    (tmp_path / "seed-8" / fuzz.TALLY).unlink()
    assert fuzz.in_parts(Here(1, None), 5, 7, tmp_path) == total
    assert [line[3] for line in ran[3:]] == ["8"]


@pytest.mark.full
def test_the_script_runs_parts_on_an_engine_and_goes_on(tmp_path: Path) -> None:
    line = [sys.executable, fuzz.__file__, "--count", "4", "--seed", "1", "--jobs", "1", "--out", str(tmp_path / "f")]
    first = subprocess.run(line, capture_output=True, text=True, check=True)
    again = subprocess.run([*line, "--resume"], capture_output=True, text=True, check=True)
    assert first.stdout.splitlines()[1:] == again.stdout.splitlines()[1:]
    refused = subprocess.run(line, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "exists; go on with --resume" in refused.stderr


@pytest.mark.full
def test_a_mismatch_shrinks_to_the_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(onnx_nodes.EMITTERS, MaxPool, onnx_nodes._pool("AveragePool", count_include_pad=0))
    _, mismatch = fuzz.campaign(300, seed=5)
    assert mismatch is not None
    cells = mismatch.case.genotype.cells.values()
    assert sum(edge.op == "max_pool_3x3" for cell in cells for _, _, edge in cell.edges()) == 1
    assert all(edge.op in ("max_pool_3x3", "skip_connect") for cell in cells for _, _, edge in cell.edges())


@pytest.mark.full
def test_a_thousand_genotypes() -> None:
    tally, mismatch = fuzz.campaign(1000, seed=7)
    assert mismatch is None
    assert tally.cases == 1000
