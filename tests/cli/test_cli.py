"""Commands as a user runs them: output, exit codes, and one line for every error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

import genocc
from genocc import Genotype
from genocc.cli import app
from genocc.source import Source
from tests.cli.commands import error, run


def test_version_and_help() -> None:
    assert run("--version").output == f"genocc {genocc.__version__}\n"
    assert "GENOTYPE is a genotype file, a run folder" in run("--help").output
    process = subprocess.run([sys.executable, "-m", "genocc", "--version"], capture_output=True, text=True)
    assert process.stdout == f"genocc {genocc.__version__}\n"


@pytest.mark.parametrize("name", sorted(get_command(app).commands))  # type: ignore[attr-defined]
def test_every_command_has_help(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert f" {name} " in result.output


def test_errors_are_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    assert f"{broken}: $: not JSON" in error("count", str(broken))
    assert "missing.json: no such file" in error("count", str(tmp_path / "missing.json"))
    assert "a folder without genotype.json" in error("show", str(tmp_path))
    assert "did you mean 'zoo:darts-v2'?" in error("count", "zoo:darts-v3")
    assert "$: not JSON" in error("count", "-", input="")
    assert "expected HxW such as 32x32" in error("count", "zoo:darts-v2", "--input-size", "32,32")
    assert "--input-size: found 99999" in error("count", "zoo:darts-v2", "--input-size", "99999")
    assert "layers: found 0" in error("count", "zoo:darts-v2", "--layers", "0")
    huge = tmp_path / "huge.json"
    huge.write_bytes(b" " * 2**21)
    assert "larger than the limit of 1,048,576 bytes" in error("show", str(huge))


def test_control_characters_in_names_stay_on_one_line() -> None:
    assert "a\\nb\\x1b[31m: no such file" in error("show", "a\nb\x1b[31m")


def test_an_input_is_never_the_output(darts_v2: Genotype, tmp_path: Path) -> None:
    path = tmp_path / "same.svg"
    path.write_text(darts_v2.dumps())
    assert "is also an input of this command" in error("draw", str(path), "-o", str(path))
    assert "is also an input of this command" in error("import", str(path), "--from", "darts", "-o", str(path))
    assert path.read_text() == darts_v2.dumps()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_output_that_cannot_be_written() -> None:
    command = f"{sys.executable} -m genocc zoo list"
    full = subprocess.run(f"{command} > /dev/full", shell=True, capture_output=True, text=True)
    assert full.returncode == 2
    assert full.stderr == (
        "genocc: error: standard output: cannot write: No space left on device; make room, or choose another place\n"
    )
    closed = subprocess.run(["bash", "-c", f"set -o pipefail; {command} | head -1"], capture_output=True, text=True)
    assert (closed.returncode, closed.stderr) == (0, "")


def test_an_ascii_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    command = [sys.executable, "-m", "genocc", "diff", "zoo:darts-v1", "zoo:darts-v2"]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 1
    assert process.stderr == ""


def test_use_errors_exit_with_2() -> None:
    assert run("count").exit_code == 2
    assert run("count", "zoo:darts-v2", "--nothing").exit_code == 2
    assert run("nothing").exit_code == 2
    assert run("count", "zoo:darts-v2", "--by", "colour").exit_code == 2


def test_ctrl_c_exits_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Source) -> Genotype:
        raise KeyboardInterrupt

    monkeypatch.setattr("genocc.source.Source.genotype", property(interrupted))
    result = run("count", "zoo:darts-v2")
    assert result.exit_code == 130
    assert result.stderr == "genocc: interrupted\n"
