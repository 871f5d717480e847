"""Reading run folders: what is whole is returned, what is not is one clear error."""

import json
import os
from pathlib import Path

import pytest

import genocc
from genocc.errors import RunError
from genocc.runs.reading import (
    CONFIG,
    HISTORY,
    RUN_BEST,
    best_weights,
    history_lines,
    read_command,
    read_config,
    read_epochs,
    read_history,
    seed_folder,
)


def test_a_command_reads_its_own_runs_only(tmp_path: Path) -> None:
    (tmp_path / CONFIG).write_text(json.dumps({"command": "search", "config": {"seed": 3}}))
    assert read_command(tmp_path) == "search"
    assert read_config(tmp_path, "search") == {"seed": 3}
    with pytest.raises(RunError, match=r"a run of `genocc search`; expected one of `genocc train`"):
        read_config(tmp_path, "train")


def test_a_run_that_has_just_begun_has_no_epochs(tmp_path: Path) -> None:
    assert read_history(tmp_path) == history_lines(tmp_path) == []


def test_a_line_that_is_being_written_does_not_count(tmp_path: Path) -> None:
    (tmp_path / HISTORY).write_text('{"epoch": 1}\n{"epoch": 2}\n{"epoch"')
    assert read_history(tmp_path) == [{"epoch": 1}, {"epoch": 2}]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", r"history\.jsonl: line 2 is not JSON"),
        ("[" * 100_000, r"history\.jsonl: line 2 is not JSON"),
        ('{"epoch": Infinity}', r"history\.jsonl: line 2 is not JSON: the number Infinity is beyond"),
        (f'{{"epoch": {"9" * 400}}}', r"history\.jsonl: line 2 is not JSON: the number 9+ is beyond"),
        ("[1]", r"history\.jsonl: line 2 is not an epoch; expected a JSON object"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / HISTORY).write_text(f'{{"epoch": 1}}\n{line}\n')
    with pytest.raises(RunError, match=message):
        read_history(tmp_path)


@pytest.mark.parametrize(
    "name", ["config.json", "history.jsonl", "genotype.json", "checkpoint/00000001.pt", "tracking/trackio.json"]
)
def test_a_pipe_in_a_run_folder_is_refused_instead_of_waited_for(name: str, tmp_path: Path) -> None:
    (tmp_path / CONFIG).write_text(json.dumps({"command": "search", "config": {}}))
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "tracking").mkdir()
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    for read in (read_command, lambda path: genocc.open(path).genotype):
        with pytest.raises(RunError, match=rf"{name}: is a pipe, a socket or a device; a run folder holds files only"):
            read(tmp_path)


def test_each_seed_has_a_folder(tmp_path: Path) -> None:
    assert seed_folder(tmp_path, 12) == tmp_path / "seed-12"


def test_a_config_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(RunError, match="not the configuration of a run"):
        read_config(tmp_path, "search")
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(RunError, match="not JSON"):
        read_config(tmp_path, "search")


def test_best_weights_that_are_missing_are_told_from_those_that_are_to_come(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="a training without weights yet; wait for its first epoch to end, or wait more"):
        best_weights(tmp_path, "wait more")
    (tmp_path / HISTORY).write_text('{"epoch": 1}\n')
    with pytest.raises(RunError, match=r"best.safetensors: is missing, though epochs have ended; .* or start anew"):
        best_weights(tmp_path, "start anew")
    (tmp_path / RUN_BEST).touch()
    assert best_weights(tmp_path, "start anew") == tmp_path / RUN_BEST


def test_the_epochs_of_a_run_are_numbered_from_1(tmp_path: Path) -> None:
    (tmp_path / HISTORY).write_text('{"epoch": 1}\n{"epoch": 3}\n')
    assert len(read_history(tmp_path)) == 2  # lines of rankings have no epochs
    with pytest.raises(RunError, match=r"history.jsonl: line 2: epoch is 3; expected 2"):
        read_epochs(tmp_path)
