"""The program as a process: interruptions while it starts, and streams that its caller has closed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest


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
    process = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=60, preexec_fn=as_on_a_terminal
    )
    assert (process.returncode, process.stdout, process.stderr) == (130, "", "genocc: interrupted\n")


def as_on_a_terminal() -> None:
    """A shell ignores SIGINT in jobs of the background, and what these start inherits that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_closed_standard_output_is_no_error() -> None:
    command = f"{sys.executable} -m genocc show zoo:darts-v2 --hash >&-"
    process = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert (process.returncode, process.stderr) == (0, "")
