"""Commands as a user runs them: output, exit codes, and one line for every error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

import genocc
from genocc import Genotype
from genocc.cli import app
from genocc.source import Source


def run(*arguments: str, input: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=input, catch_exceptions=False)


def error(*arguments: str, input: str | None = None) -> str:
    """The one line that a failing command prints; nothing may go to standard output."""
    result = run(*arguments, input=input)
    assert result.exit_code == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("genocc: error: ")
    return line


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


def test_count_prints_the_golden_figures() -> None:
    output = run("count", "zoo:darts-v2", "--by", "edge", "--by", "cell").output
    assert "3,349,342" in output
    assert "528,359,040" in output
    assert "normal  0 -> 2  sep_conv_3x3" in output
    assert "cells.19" in output


def test_count_json() -> None:
    figures = json.loads(run("count", "zoo:darts-v2", "--skeleton", "imagenet", "--json").output)
    assert figures["parameters"] == 4_718_752
    assert figures["macs"] == 529_911_552
    assert figures["flops"] == 2 * 529_911_552
    assert {"auxiliary_parameters", "by_kind", "by_cell", "by_edge", "compiled"} <= figures.keys()


def test_genotype_from_standard_input(darts_v2: Genotype) -> None:
    figures = json.loads(run("count", "-", "--json", input=darts_v2.dumps()).output)
    assert figures["parameters"] == 3_349_342


def test_network_options_reach_the_network() -> None:
    options = ["--channels", "8", "--layers", "6", "--classes", "7", "--input-size", "20x24", "--input-channels", "1"]
    network = json.loads(run("count", "zoo:darts-v2", *options, "--stem-stride", "2", "--json").output)["network"]
    assert network["channels"] == 8
    assert network["layers"] == 6
    assert network["classes"] == 7
    assert network["input_size"] == [20, 24]
    assert network["input_channels"] == 1
    assert network["stem_stride"] == 2


def test_show(darts_v2: Genotype) -> None:
    assert run("show", "zoo:darts-v2", "--hash").output == f"{darts_v2.hash}\n"
    assert "concat 2, 3, 4, 5" in run("show", "zoo:darts-v2").output
    shown = json.loads(run("show", "zoo:darts-v2", "--json").output)
    assert shown["hash"] == darts_v2.hash
    assert shown["dead"] == {"normal": [], "reduction": []}


def test_show_says_what_is_dead(darts_v2: Genotype, tmp_path: Path) -> None:
    document = json.loads(darts_v2.dumps())
    document["cells"]["normal"]["concat"] = [2, 3, 4]
    (tmp_path / "dead.json").write_text(json.dumps(document))
    lines = [line for line in run("show", str(tmp_path / "dead.json")).output.splitlines() if "dead" in line.split()]
    assert len(lines) == 2


def test_ops_and_schema() -> None:
    assert "dil_conv_5x5" in run("ops").output
    ops = {entry["name"]: entry for entry in json.loads(run("ops", "--json").output)}
    assert ops["sep_conv_3x3"]["parameters"] == "2C² + 22C"
    assert json.loads(run("schema").output)["$defs"]["Edge"]["additionalProperties"] is False


def test_errors_are_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    assert f"{broken}: $: not JSON" in error("count", str(broken))
    assert "missing.json: no such file" in error("count", str(tmp_path / "missing.json"))
    assert "a folder without genotype.json" in error("show", str(tmp_path))
    assert "did you mean zoo:darts-v2?" in error("count", "zoo:darts-v3")
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


def test_a_suffix_that_is_not_the_targets() -> None:
    assert "target 'onnx' writes .onnx files" in error("compile", "zoo:darts-v2", "--to", "onnx", "-o", "net.pt")


def test_count_with_auxiliary_head() -> None:
    figures = json.loads(run("count", "zoo:darts-v2", "--auxiliary", "--json").output)
    assert figures["training"]["parameters"] == figures["parameters"] + figures["auxiliary_parameters"]
    assert "at least 8x8" in error("count", "zoo:darts-v2", "--auxiliary", "--input-size", "8")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_output_that_cannot_be_written() -> None:
    command = f"{sys.executable} -m genocc zoo list"
    full = subprocess.run(f"{command} > /dev/full", shell=True, capture_output=True, text=True)
    assert full.returncode == 2
    assert full.stderr == "genocc: error: standard output: cannot write: No space left on device\n"
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


@pytest.mark.parametrize("outcome", ["raise", "raise RecursionError"])
def test_ctrl_c_during_the_start_exits_with_130(tmp_path: Path, outcome: str) -> None:
    """While modules are imported, some of which make something else of the interruption."""
    (tmp_path / "typer.py").write_text(
        "import os, signal\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    while True: pass\n"
        f"except KeyboardInterrupt: {outcome}\n"
    )
    command = [sys.executable, "-m", "genocc", "count", "zoo:darts-v2"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    process = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert (process.returncode, process.stdout, process.stderr) == (130, "", "genocc: interrupted\n")


def test_a_closed_standard_output_is_no_error() -> None:
    command = f"{sys.executable} -m genocc show zoo:darts-v2 --hash >&-"
    process = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert (process.returncode, process.stderr) == (0, "")
