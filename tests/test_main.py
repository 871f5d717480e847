"""The program as a process: interruptions while it starts, and streams that its caller has closed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


@pytest.mark.parametrize("outcome", ["raise", "raise RecursionError"])
def test_ctrl_c_during_the_start_exits_with_130(tmp_path: Path, outcome: str) -> None:
    """While modules are imported, some of which make something else of the interruption."""
    (tmp_path / "typer.py").write_text(
        "import os, signal\n"
        "try:\n"
        "    signal.raise_signal(signal.SIGINT)\n"
        "    while True: pass\n"
        f"except KeyboardInterrupt: {outcome}\n"
    )
    command = [sys.executable, "-m", "genocc", "count", "zoo:darts-v2"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    process = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=60, preexec_fn=as_on_a_terminal
    )
    assert (process.returncode, process.stdout, process.stderr) == (130, "", "genocc: interrupted\n")


def test_a_signal_while_the_handlers_are_installed_exits_with_130() -> None:
    """In the few milliseconds in which the thread starts that hears a second one."""
    code = (
        "import signal, threading\n"
        "start = threading.Thread.start\n"
        "def interrupted(self):\n"
        "    start(self)\n"
        "    if self.name == 'genocc-signals':\n"
        "        signal.raise_signal(signal.SIGTERM)\n"
        "threading.Thread.start = interrupted\n"
        "from genocc.__main__ import main\n"
        "main()\n"
    )
    process = subprocess.run([sys.executable, "-c", code, "ops"], capture_output=True, text=True, timeout=60)
    assert (process.returncode, process.stdout, process.stderr) == (130, "", "genocc: interrupted\n")


def as_on_a_terminal() -> None:
    """A shell ignores SIGINT in jobs of the background, and what these start inherits that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_a_closed_standard_output_is_no_error() -> None:
    command = f"{sys.executable} -m genocc show zoo:darts-v2 --hash >&-"
    process = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert (process.returncode, process.stderr) == (0, "")


BUSY = "hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)"
"""Minutes in C, between two instructions of Python's: no handler of signals runs meanwhile."""

HALF = """
import hashlib, pathlib, sys, time
from genocc.exporters.python.exporter import PythonExporter
def write(self, net, path):
    pathlib.Path(path).write_text("half")
    print("begun", flush=True)
    {wait}
    return 1
PythonExporter.write = write
from genocc.__main__ import main
main()
"""
COMPILE = ("compile", "zoo:darts-v2", "--to", "python", "--no-verify", "-o")


def begun(program: str, *arguments: object) -> subprocess.Popen[str]:
    """Starts a program, and waits until it says that it has begun."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n", process.communicate()[1]
    time.sleep(0.3)  # for the rest of the line
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_temporary_file(tmp_path: Path, number: signal.Signals) -> None:
    process = begun(HALF.format(wait="time.sleep(60)"), *COMPILE, tmp_path / "net.py")
    assert [path.suffix for path in tmp_path.iterdir()] == [".py"]
    process.send_signal(number)
    assert process.communicate(timeout=30) == ("", "genocc: interrupted\n")
    assert process.returncode == 130
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_at_once_and_leaves_no_temporary_file_either(
    tmp_path: Path, first: signal.Signals
) -> None:
    process = begun(HALF.format(wait=BUSY), *COMPILE, tmp_path / "net.py")
    process.send_signal(first)
    process.send_signal(first)  # as `timeout` does: still the first
    time.sleep(1.3)
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=10) == ("", "genocc: interrupted\n")
    assert process.returncode == 130
    assert not list(tmp_path.iterdir())


def test_a_second_signal_ends_a_step_of_minutes(tmp_path: Path) -> None:
    program = f"""
import hashlib
from genocc.training.trainer import Trainer
def step(self):
    print("begun", flush=True)
    {BUSY}
Trainer.step = step
from genocc.__main__ import main
main()
"""
    process = begun(program, "train", "zoo:darts-v2", "--channels", "4", "--layers", "3", "--out", tmp_path / "run")
    process.send_signal(signal.SIGTERM)
    time.sleep(1.3)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 130
    assert said.splitlines()[-1] == "genocc: interrupted"
    assert "Traceback" not in said


@pytest.mark.parametrize("outcome", ["pass", "raise ValueError('cut short')", "sys.exit(0)"])
def test_an_interruption_that_something_swallows_is_one_all_the_same(tmp_path: Path, outcome: str) -> None:
    wait = f"try: time.sleep(60)\n    except KeyboardInterrupt: {outcome}"
    assert_interrupted(wait, tmp_path)


def test_a_step_of_minutes_that_swallows_an_interruption_is_ended(tmp_path: Path) -> None:
    """As PyTorch's tracing may, within which functions are called that can raise nothing."""
    swallowed = "try: time.sleep(60)\n    except KeyboardInterrupt: pass\n    time.sleep(60)"
    wait = f"import genocc.__main__\n    genocc.__main__.PATIENCE = 2\n    {swallowed}"
    assert_interrupted(wait, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_interruption_within_a_destructor_says_nothing_else(tmp_path: Path) -> None:
    wait = "class A:\n        def __del__(self): time.sleep(60)\n    A()"
    assert_interrupted(wait, tmp_path)


def assert_interrupted(wait: str, folder: Path) -> None:
    """A command that is interrupted while it waits so says that, and ends with its code."""
    process = begun(HALF.format(wait=wait), *COMPILE, folder / "net.py")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said == "genocc: interrupted\n"


def test_signals_that_are_ignored_stay_so(tmp_path: Path) -> None:
    """Of a job in the background."""
    program = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + HALF.format(wait="time.sleep(1)")
    process = begun(program, *COMPILE, tmp_path / "net.py")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert (tmp_path / "net.py").read_text() == "half"
