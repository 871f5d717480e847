"""Every cell of NAS-Bench-201 as an ONNX file."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

from benchmarks import nas_bench_201
from genocc.exporters.verification import verify


def test_there_are_15625_cells() -> None:
    found = list(nas_bench_201.architectures())
    assert len(found) == len(set(found)) == 15_625
    assert found[0] == "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
    assert (
        found[-1] == "|avg_pool_3x3~0|+|avg_pool_3x3~0|avg_pool_3x3~1|+|avg_pool_3x3~0|avg_pool_3x3~1|avg_pool_3x3~2|"
    )


def test_some_of_them_are_exported_and_go_on(tmp_path: Path) -> None:
    command = [sys.executable, nas_bench_201.__file__, str(tmp_path), "--every", "7812", "--jobs", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "3 cells" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000.onnx", "07812.onnx", "15624.onnx", "counts.csv"]
    with (tmp_path / "counts.csv").open() as file:
        rows = list(csv.DictReader(file))
    middle = rows[1]
    assert middle["architecture"] == "|nor_conv_1x1~0|+|nor_conv_1x1~0|nor_conv_1x1~1|+|" + (
        "nor_conv_1x1~0|nor_conv_1x1~1|nor_conv_1x1~2|"
    )
    assert (middle["parameters"], middle["macs"]) == (str(73_306 + 6 * 28_000), str(7_783_040 + 6 * 3_932_160))
    assert int(middle["onnx_bytes"]) == (tmp_path / "07812.onnx").stat().st_size
    assert verify(tmp_path / "07812.onnx", batches=(2,)).ok
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.onnx")}
    subprocess.run(command, capture_output=True, check=True)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.onnx")} == before
