"""A package outside of the tree brings a method and its parts: listed, searched with, killed, resumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from genocc.runs.reading import HISTORY, read_history
from tests.sample_data import ROOT
from tests.searchers.small import SMALL

PACKAGE = ROOT / "tests" / "packages" / "genocc-example"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package, installed as anybody would, from a copy of its source."""
    folder, source = tmp_path_factory.mktemp("installed"), tmp_path_factory.mktemp("source")
    for path in PACKAGE.iterdir():
        if path.is_file():
            (source / path.name).write_bytes(path.read_bytes())
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target"]
    subprocess.run([*command, str(folder), str(source)], check=True, capture_output=True, timeout=300)
    return folder


def started(installed: Path, *arguments: str, threads: int = 1) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(installed), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-m", "genocc", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": str(threads)},
    )  # fmt: skip


def done(installed: Path, *arguments: str, threads: int = 1, code: int = 0) -> str:
    process = started(installed, *arguments, threads=threads)
    out, error = process.communicate(timeout=300)
    assert process.returncode == code, error
    return out if code == 0 else error


def settings(*more: str) -> Sequence[str]:
    return [part for text in (*SMALL, *more) for part in ("--set", text)]


def timeless(run: Path) -> list[str]:
    return [json.dumps({name: x for name, x in line.items() if name != "seconds"}) for line in read_history(run)]


def test_methods_lists_what_the_package_brings(installed: Path) -> None:
    data = json.loads(done(installed, "methods", "--json"))
    assert data["methods"]["hard"]["settings"]["relaxation.name"] == "one-of"
    assert data["methods"]["hard"]["settings"]["penalties.decided.factor"] == 0.1
    assert data["parts"]["relaxation"]["one-of"]["package"] == "genocc_example"
    assert data["parts"]["derivation"]["above"]["settings"]["most"] == {"default": 2, "meaning": "Operations per node."}
    assert data["descriptions"]["relaxation.noise"] == "Standard deviation of the alphas before the search."
    assert data["descriptions"]["penalties.decided.factor"] == "What it is multiplied by."


def test_a_killed_search_goes_on_as_if_it_had_not_been(installed: Path, tmp_path: Path) -> None:
    asked = ["search", "--method", "hard", "--device", "cpu", *settings("schedule.epochs=4", "derivation.most=1")]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    done(installed, *asked, "--out", str(whole))
    process = started(installed, *asked, "--out", str(killed))
    while (
        process.poll() is None
        and len((killed / HISTORY).read_text().splitlines() if (killed / HISTORY).exists() else []) < 2
    ):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (killed / "genotype.json").exists(), "it was killed in time"
    done(installed, "search", "--out", str(killed), "--resume", "--device", "cpu")
    assert timeless(killed) == timeless(whole)
    assert (killed / "genotype.json").read_bytes() == (whole / "genotype.json").read_bytes()
    line = read_history(whole)[-1]
    assert line["architecture"]["decided"] > 0
    assert max(line["edges_per_node"]["normal"]) == 1
    assert json.loads((whole / "config.json").read_text())["config"]["relaxation"] == {"name": "one-of", "noise": 0.001}


def test_its_parts_go_with_those_of_others(installed: Path, tmp_path: Path) -> None:
    chosen = ("relaxation.name=one-of", "relaxation.noise=0.1", "penalties.decided.factor=2", "schedule.epochs=1")
    done(installed, "search", "--method", "entrannas", "--device", "cpu", "--out", str(tmp_path / "run"),
         *settings("connection.bottleneck=2", *chosen))  # fmt: skip
    assert read_history(tmp_path / "run")[0]["architecture"]["decided"] > 0


def test_without_the_package_its_runs_say_what_is_missing(installed: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    done(installed, "search", "--method", "hard", "--device", "cpu", "--out", str(run), *settings("schedule.epochs=1"))
    error = done(tmp_path, "search", "--out", str(run), "--resume", code=2)
    assert "unknown relaxation 'one-of'" in error
    assert "Traceback" not in error
