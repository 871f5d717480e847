"""Size and speed of one file relative to another."""

from __future__ import annotations

from pathlib import Path

import pytest

import genocc
from genocc import Genotype, NetworkConfig
from genocc.exporters import tradeoff
from genocc.exporters.tradeoff import measure

TINY = NetworkConfig(channels=4, layers=2, input_size=(8, 8))


@pytest.mark.parametrize(("batch", "expected"), [pytest.param(None, (1, 16), marks=pytest.mark.full), (3, (3,))])
def test_the_files_are_compared(
    batch: int | None, expected: tuple[int, ...], darts_v2: Genotype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tradeoff, "BUDGET", 0.0)
    paths = [tmp_path / "one" / "net.onnx", tmp_path / "two" / "net.onnx"]
    for path, precision in zip(paths, ("float32", "float16"), strict=True):
        path.parent.mkdir()
        genocc.compile(
            darts_v2, TINY, to="onnx", output=path, precision=precision, verify=False, batch=batch, uint8_input=True
        )
    found = measure("onnxruntime", *paths, "float16")
    assert found.size == paths[1].stat().st_size / paths[0].stat().st_size
    assert tuple(found.speed) == expected
    assert all(ratio > 0 for ratio in found.speed.values())
    assert found.runtime.startswith("ONNX Runtime ")
