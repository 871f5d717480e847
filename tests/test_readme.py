"""README.md: its commands are run and print what it says, up to the numbers; those that are not run are listed here."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sample_data import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?:genocc|make|pip|python|source) \S")

SESSION = next(text for _, text in BLOCKS if text.startswith("$ genocc "))
"""Commands behind a prompt, each followed by what it prints."""
PROGRAM = next(text for language, text in BLOCKS if language == "python")
NOT_RUN = {
    "make demo": "minutes; each of its commands is tested in tests/cli",
    "make test": "it is what runs this",
    "make docs": "a part of make test",
    "source .venv/bin/activate": "of a shell",
    "pip install .": "tests/test_wheel.py installs the wheel that it would build",
    "genocc draw zoo:darts-v2 -o cells.svg": "tests/exporters/drawing compares the picture",
    "genocc train runs/a --out runs/t": "minutes; tests/test_examples.py trains what a search found",
    "genocc zoo list": "tests/cli/test_zoo.py",
}
"""Command -> why it is not run here."""


def session() -> list[tuple[str, list[str]]]:
    """Each command of the session, without its comment, and the lines that it prints."""
    parts = re.split(r"^\$ ", SESSION, flags=re.MULTILINE)[1:]
    return [(first.split("  #")[0].strip(), printed) for first, *printed in (part.splitlines() for part in parts)]


def test_every_command_is_run_or_listed() -> None:
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", README, flags=re.MULTILINE | re.DOTALL))
    lines = [line.split("  #")[0].strip() for language, text in BLOCKS if not language for line in text.splitlines()]
    found = {text for text in (*spans, *lines) if COMMAND.match(text)}
    assert found == NOT_RUN.keys()
    assert len(session()) == 5


def numbers_aside(line: str) -> str:
    """A line of output without what differs from machine to machine: numbers, and the width of columns."""
    line = re.sub(r"\d[\d,.]*(?:e[+-]\d+)?", "N", line)
    return re.sub(r"[ \u2500]+", " ", line).strip()


@pytest.mark.full
def test_the_session_prints_what_it_says(tmp_path: Path) -> None:
    """Minutes: the search, and the reference evaluator on a net of 20 cells."""
    program = [sys.executable, "-m"]
    environment = {**os.environ, "COLUMNS": "120"}
    for command, expected in session():
        words = [*program, *shlex.split(command)]
        done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        print(f"$ {command}\n{done.stdout}{done.stderr}")
        assert done.returncode == 0, f"{command}: {done.stderr}"
        printed = [numbers_aside(line) for line in (done.stdout + done.stderr).splitlines()]
        missing = [line for line in expected if line != "..." and numbers_aside(line) not in printed]
        assert not missing, f"{command} does not print {missing}"


@pytest.mark.full
def test_the_program_prints_what_it_says(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == re.findall(r"print\(.*  # (\S+)", PROGRAM)
    assert (tmp_path / "darts.onnx").exists()
