"""Every cell of NAS-Bench-201 as an ONNX file."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import nas_bench_201
from benchmarks.nas_bench_201 import TABLE, export_all, export_part
from genocc.configuration import Part
from genocc.engines.base import Engine, Job, Outcome, Outcomes, Session
from genocc.errors import GenoccError
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
    assert "1/1  cells 00000-15624  done" in done.stderr
    assert sorted(path.name for path in tmp_path.glob("*.*")) == ["00000.onnx", "07812.onnx", "15624.onnx", TABLE]
    with (tmp_path / TABLE).open() as file:
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


class Here(Engine):
    """Exports in this process; one part fails at its first attempt."""

    name = "here"

    def __init__(self, failing: str) -> None:
        super().__init__(1, Part())
        self.failing = failing
        self.ran: list[str] = []

    def open(self, jobs: object) -> Session:
        raise NotImplementedError

    def _outcomes(self, jobs: list[Job], started: object) -> Outcomes:
        for job in jobs:
            self.ran.append(job.name)
            folder, _, cells, _, out, *_ = job.arguments
            if ok := job.name != self.failing:
                export_part(Path(folder), range(*map(int, cells.split(":"))), Path(out))
            yield Outcome(job, ok, 1, 1.0, "" if ok else "disk full", 0 if ok else 2)


def test_a_part_that_fails_is_reported_and_done_by_the_next_call(tmp_path: Path) -> None:
    engine = Here("06248-09372")
    with pytest.raises(GenoccError, match=r"1 of 3 jobs failed: 06248-09372: disk full; the same command goes on"):
        export_all(tmp_path, engine, 3124, 2)
    assert engine.ran == ["00000-03124", "06248-09372", "12496-15620"]
    assert not (tmp_path / TABLE).exists()
    (tmp_path / "12496.onnx").unlink()
    again = Here("")
    rows = export_all(tmp_path, again, 3124, 2)
    assert again.ran == ["06248-09372", "12496-15620"]
    assert [int(row["number"]) for row in rows] == list(range(0, 15_625, 3124))
    with (tmp_path / TABLE).open() as file:
        assert list(csv.DictReader(file)) == rows
    assert len(list(tmp_path.glob("*.onnx"))) == len(rows) == 6


def test_a_wrong_engine_is_one_line(tmp_path: Path) -> None:
    command = [sys.executable, nas_bench_201.__file__, str(tmp_path / "x"), "--engine", "lokal"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "error: unknown engine 'lokal'; did you mean 'local'?\n")
    assert not (tmp_path / "x").exists()
