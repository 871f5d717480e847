"""The campaign over random genotypes finds nothing where all is right, and finds what is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import fuzz
from genocc import Genotype, NetworkConfig
from genocc.exporters import onnx
from genocc.passes import PASSES
from genocc.primitives import MaxPool


def test_the_script_counts_its_cases() -> None:
    script = Path(fuzz.__file__)
    done = subprocess.run(
        [sys.executable, script, "--count", "4", "--seed", "1"], capture_output=True, text=True, check=True
    )
    assert "4 cases, seed 1" in done.stdout
    assert done.stdout.splitlines()[-1] == "0 mismatches"


def test_a_wrong_operator_is_found(monkeypatch: pytest.MonkeyPatch, darts_v2: Genotype) -> None:
    case = fuzz.Case(darts_v2, NetworkConfig(channels=4, layers=3, input_size=(9, 8)), tuple(PASSES), 0)
    assert all(error <= fuzz.TOLERANCES[what] for what, error in fuzz.errors(case))
    assert set(dict(fuzz.errors(case))) == set(fuzz.TOLERANCES) - {"inductor"}
    monkeypatch.setitem(onnx.EMITTERS, MaxPool, onnx._pool("AveragePool", count_include_pad=0))
    wrong = {what for what, error in fuzz.errors(case) if error > fuzz.TOLERANCES[what]}
    assert wrong == {"onnxruntime", "openvino", "onnx reference, float64"}
    assert fuzz.culprit(case) == "no pass; the target named above"


@pytest.mark.full
def test_a_mismatch_shrinks_to_the_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(onnx.EMITTERS, MaxPool, onnx._pool("AveragePool", count_include_pad=0))
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
