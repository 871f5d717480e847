"""Outputs are neither inputs nor files of a run, whatever the command and however they are named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from genocc import Genotype
from genocc.errors import FileError
from genocc.runs import reading
from genocc.runs.outputs import refuse_overwriting

FILES = [
    *("config.json", "history.jsonl", "log.txt", ".lock", "genotype.json", "best.safetensors", "last.safetensors"),
    *("ranking.json", "test.json", "seeds.json", "checkpoint/00000012.pt", "tensorboard/events", "tracking/wandb.json"),
]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"command": "train", "config": {}}))
    return folder


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("read", [True, False])
def test_a_file_of_a_run_is_refused_be_it_there_or_not(run: Path, name: str, read: bool) -> None:
    with pytest.raises(FileError, match=r"is a file of the run in .*/run; choose another name"):
        refuse_overwriting(run / name, run if read else "zoo:darts-v2")


def test_every_name_that_runs_use_is_a_name_of_theirs() -> None:
    named = {value for name, value in vars(reading).items() if name.startswith("RUN_") and isinstance(value, str)}
    assert named | {reading.CONFIG, reading.HISTORY, reading.LOG, reading.LOCK, reading.CHECKPOINTS} == (
        reading.RUN_FILES | reading.RUN_FOLDERS
    )


def test_another_name_in_a_run_is_written_again_and_again(run: Path) -> None:
    for _ in range(2):
        refuse_overwriting(run / "net.onnx", run)
        refuse_overwriting(run / "exports" / "genotype.json", run)
        (run / "net.onnx").write_text("ours")


def test_links_and_detours_do_not_hide_a_file(run: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(run)
    (tmp_path / "file").symlink_to(run / "genotype.json")
    for output in (tmp_path / "link" / "genotype.json", tmp_path / "file", run / ".." / "run" / "genotype.json"):
        with pytest.raises(FileError, match="is a file of the run"):
            refuse_overwriting(output)


def test_a_run_that_is_read_and_whose_configuration_is_damaged_is_one_all_the_same(run: Path) -> None:
    (run / "config.json").write_text("{")
    with pytest.raises(FileError, match="is a file of the run"):
        refuse_overwriting(run / "genotype.json", run)


def test_a_folder_of_another_program_is_nobodys_run(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    refuse_overwriting(tmp_path / "genotype.json")
    refuse_overwriting(tmp_path / "checkpoint" / "a")


def test_an_input_is_refused_by_every_name_of_it(tmp_path: Path) -> None:
    path = tmp_path / "g.json"
    path.write_text("{}")
    os.link(path, tmp_path / "hard.json")
    (tmp_path / "soft.json").symlink_to(path)
    for name in ("g.json", "hard.json", "soft.json", "./g.json"):
        with pytest.raises(FileError, match="is also an input of this command"):
            refuse_overwriting(tmp_path / name, None, "zoo:darts-v2", path)
    for output in (None, "-", tmp_path / "new.json", "/dev/null"):
        refuse_overwriting(output, path)
    refuse_overwriting(path, tmp_path / ("a" * 300), "-")


def test_standard_input_is_an_input_too(darts_v2: Genotype, tmp_path: Path) -> None:
    path = tmp_path / "g.json"
    path.write_text(darts_v2.dumps())
    command = [sys.executable, "-m", "genocc", "export-text", "-", "--to", "darts", "-o", path]
    with path.open() as stream:
        done = subprocess.run(command, stdin=stream, capture_output=True, text=True)
    assert done.returncode == 2
    assert (
        done.stderr == f"genocc: error: {path}: is also an input of this command; choose another name for the output\n"
    )
    assert path.read_text() == darts_v2.dumps()
