"""`genocc package` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from genocc.exporters.package import hub
from tests.cli.commands import error, run


def test_a_run_becomes_a_folder(training_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uploaded = []
    monkeypatch.setattr(hub, "check_repository", lambda name: None)
    monkeypatch.setattr(hub, "push", lambda folder, name: uploaded.append((folder, name)) or "address")
    path = tmp_path / "net"
    found = json.loads(run("package", training_run, "-o", path, "--push", "nobody/net", "--json").stdout)
    assert uploaded == [(path, "nobody/net")]
    assert found["pushed"] == "address"
    assert found["files"] == {file.name: file.stat().st_size for file in path.iterdir()}
    assert [net["target"] for net in found["nets"]] == ["torch", "onnx", "python"]
    assert error("package", training_run, "-o", path).endswith("exists already; choose a new or empty folder")


def test_mistakes_are_one_line(training_run: Path, tmp_path: Path) -> None:
    path = tmp_path / "net"
    assert "expected a repository of the Hub, USER/NAME" in error("package", training_run, "-o", path, "--push", "net")
    assert "the net that was trained" in error("package", training_run, "-o", path, "--channels", 8)
    assert "expected an identifier" in error("package", "zoo:darts-v2", "-o", path, "--license", "My own")
    assert not path.exists()
