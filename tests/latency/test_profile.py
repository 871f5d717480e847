"""Profiles as files: written and read, and refused where they say nothing about this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from genocc.errors import FileError, TargetError
from genocc.latency.profile import Profile
from genocc.machine import machine
from tests.latency.synthetic import synthetic_profile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    synthetic_profile().dump(tmp_path / "cpu.json")
    return tmp_path / "cpu.json"


def changed(path: Path, **fields: Any) -> Path:
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
    return path


def test_a_profile_is_read_as_it_was_written(path: Path) -> None:
    found = Profile.load(path)
    assert found == synthetic_profile()
    assert found.machine == machine()
    assert found.costs.kinds["max_pool 3x3"][1] > 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"machine": "Z80, 1 cores"}, "was measured on 'Z80, 1 cores'; this is '"),
        ({"version": "0.1"}, r"was measured in ONNX Runtime 0\.1; installed is"),
    ],
)
def test_another_machine_or_runtime_is_refused_unless_forced(path: Path, fields: dict[str, str], message: str) -> None:
    changed(path, **fields)
    with pytest.raises(TargetError, match=rf"cpu\.json: {message}.*--force"):
        Profile.load(path)
    assert Profile.load(path, force=True).threads == 2


def test_a_runtime_that_is_not_here_is_refused(path: Path) -> None:
    changed(path, runtime="abacus")
    with pytest.raises(TargetError, match="unknown runtime 'abacus'"):
        Profile.load(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[", "is no JSON"),
        ("[" * 10**5, "is no JSON"),
        ('{"threads": 1, "batch": 1, "threads": 8}', "is no JSON: the name 'threads' is there twice in one object"),
        ("[1]", r"\$: found \[1\]"),
        ('{"format": "other"}', r"\$\.format: found 'other'"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "other.json").write_text(content)
    with pytest.raises(FileError, match=message):
        Profile.load(tmp_path / "other.json")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("threads", 0),
        ("seconds", -1),
        ("kinds", {"add": {"call": -1, "byte": 0, "mac": 0}}),
        ("deviations", {"a": 1e40}),
    ],
)
def test_values_out_of_range_are_named(path: Path, place: str, value: object) -> None:
    changed(path, **{place: value})
    with pytest.raises(FileError, match=rf"cpu\.json: \$\.{place}.*found"):
        Profile.load(path)
