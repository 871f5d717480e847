"""Operations of other packages: a package on the path is found by commands, and a broken one is one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest

from genocc import plugins
from genocc.errors import GenoccError

MODULE = """
from genocc.operations import Operation, relu_conv_bn

FIVE = Operation("conv-5x5", relu_conv_bn(5), "#123456", "solid", aliases=("five",))
NOTHING = 3
"""
NETWORK = ("--channels", "4", "--layers", "1", "--input-size", "8")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A folder with an installed package, as pip would leave it, and a genotype that needs it."""
    (tmp_path / "five_by_five.py").write_text(MODULE)
    (tmp_path / "other.dist-info").mkdir()
    (tmp_path / "other.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1\n")
    register(tmp_path, "conv-5x5 = five_by_five:FIVE")
    cell = {"nodes": [[{"op": "conv-5x5", "from": 0}]], "concat": [2]}
    genotype = {"format": "genocc.genotype", "version": 1, "name": "five", "cells": {"normal": cell, "reduction": cell}}
    (tmp_path / "five.json").write_text(json.dumps(genotype))
    return tmp_path


def register(package: Path, line: str) -> None:
    (package / "other.dist-info" / "entry_points.txt").write_text(f"[genocc.operations]\n{line}\n")


def genocc(package: Path, *arguments: str, code: int = 0) -> str:
    """Runs a command with the package on the path; what it prints, on the error stream if it fails."""
    environment = {**os.environ, "PYTHONPATH": str(package)}
    command = [sys.executable, "-m", "genocc", *arguments]
    done = subprocess.run(command, cwd=package, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stderr if code else done.stdout


def test_commands_see_the_operations_of_a_package(package: Path) -> None:
    listed = {row["name"]: row for row in json.loads(genocc(package, "ops", "--json"))}
    assert listed["conv-5x5"]["parameters"] == "25C\u00b2 + 2C"
    rows = json.loads(genocc(package, "count", "five.json", "--json", *NETWORK))["by_edge"]
    assert [row["macs"] for row in rows if row["cell"] == "reduction"] == [25 * 4 * 4 * 8 * 8]
    assert "conv-5x5" in json.loads(genocc(package, "schema"))["$defs"]["Edge"]["properties"]["op"]["enum"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("conv-5x5 = five_by_five:MISSING", "five_by_five:MISSING cannot be loaded: AttributeError"),
        ("conv-5x5 = no_such_module:FIVE", "no_such_module:FIVE cannot be loaded: ModuleNotFoundError"),
        ("conv-5x5 = five_by_five:NOTHING", "five_by_five:NOTHING is int; expected Operation"),
        ("conv_5 = five_by_five:FIVE", "entry point 'conv_5' of 'genocc.operations' is operation 'conv-5x5'"),
        ("skip_connect = five_by_five:FIVE", "'skip_connect' of 'genocc.operations' has the name of an operation of"),
    ],
)
def test_a_broken_package_is_one_line(package: Path, line: str, message: str) -> None:
    register(package, line)
    (found,) = genocc(package, "ops", code=2).splitlines()
    assert found.startswith("genocc: error: ")
    assert message in found
    assert ("from package 'other'" in found) == line.startswith("conv-5x5")
    if "MISSING" in line:
        assert genocc(package, "count", "five.json", code=2).splitlines() == [found]


def test_packages_are_not_looked_for_where_all_names_are_known() -> None:
    code = (
        "import importlib.metadata as m\n"
        "found = m.entry_points\n"
        "def entry_points(group):\n"
        "    assert not group.startswith('genocc')\n"
        "    return found(group=group)\n"
        "m.entry_points = entry_points\n"
        "from genocc.cli import app\n"
        "app(['count', 'zoo:darts-v2'])"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_unknown_names_are_compared_with_those_of_packages(package: Path) -> None:
    register(package, "conv_5x5x = five_by_five:MISSING")  # which need not be loaded for that
    (package / "five.json").write_text((package / "five.json").read_text().replace("conv-5x5", "conv_5x5y"))
    assert "did you mean 'conv_5x5x'?" in genocc(package, "count", "five.json", code=2)


def test_two_packages_of_one_name_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    twins = [EntryPoint("twin", "json:loads", "some.group"), EntryPoint("twin", "json:dumps", "some.group")]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: twins)
    assert plugins.names("some.group") == ("twin",)
    with pytest.raises(GenoccError, match=r"'twin' of 'some\.group', .*; uninstall one of them"):
        plugins.load("some.group", "twin", object)


def test_what_is_installed_here_is_found_and_loaded() -> None:
    expected = {entry.name: entry.load() for entry in entry_points(group="genocc.datasets")}
    assert plugins.names("genocc.datasets") == tuple(sorted(expected))
    assert plugins.load("genocc.datasets", "digits", object) is expected["digits"]


@pytest.mark.parametrize(
    ("group", "command"),
    [
        ("operations", ["ops"]),
        ("relaxations", ["methods"]),
        ("searchers", ["search", "--method", "mine"]),
        ("exporters", ["compile", "zoo:darts-v2", "--to", "mine", "-o", "net.x"]),
        ("datasets", ["train", "zoo:darts-v2", "--data", "mine", "--out", "run"]),
    ],
)
@pytest.mark.parametrize("fault", ["raise RuntimeError('two\\nlines ' + 'and words ' * 900)", "raise SystemExit(3)"])
def test_a_package_that_fails_is_one_line_whatever_it_brings(
    group: str, command: list[str], fault: str, package: Path
) -> None:
    (package / "failing.py").write_text(fault)
    (package / "other.dist-info" / "entry_points.txt").write_text(f"[genocc.{group}]\nmine = failing:X\n")
    (line,) = genocc(package, *command, code=2).splitlines()
    assert f"'mine' of 'genocc.{group}', from package 'other': failing:X cannot be loaded: " in line
    assert len(line) < 450


def test_a_target_of_another_kind_or_of_a_name_that_is_taken_is_refused(package: Path) -> None:
    (package / "odd.py").write_text("class Odd:\n    suffix = '.x'\n")
    for name, message in (("mine", "odd.Odd is not a class of Exporter"), ("onnx", "has one of the same name")):
        (package / "other.dist-info" / "entry_points.txt").write_text(f"[genocc.exporters]\n{name} = odd:Odd\n")
        assert message in genocc(package, "compile", "zoo:darts-v2", "--to", name, "-o", "net.x", code=2)
