"""The process of a job: it waits for its run folder, resumes what is there, and ends with what started it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

from filelock import FileLock

from genocc.engines.command import Command
from genocc.runs.reading import LOCK
from tests.engines.jobs import alive, begun, job, until


def test_it_waits_for_an_earlier_attempt_to_leave_the_folder(tmp_path: Path) -> None:
    one = job(tmp_path)
    one.folder.mkdir()
    with FileLock(one.folder / LOCK):
        command = Command(one.texts())
        time.sleep(0.5)
        assert command.process.poll() is None
        assert not (one.folder / "begun").exists()
    assert command.wait() == 0
    command.close()
    assert begun(one)[0].startswith("['--resume']")


def test_it_ends_when_its_pipe_does(tmp_path: Path) -> None:
    """As after SIGKILL of the process that started it: nobody sends a signal."""
    one = job(tmp_path, "endless")
    command = Command(one.texts())
    until((one.folder / "ready").exists)
    assert command.process.stdin
    command.process.stdin.close()
    assert command.process.wait(20) == 130
    assert (one.folder / "saved").exists()


def test_a_stubborn_one_is_ended_after_a_while(tmp_path: Path) -> None:
    one = job(tmp_path, "stubborn")
    program = "import genocc.engines.child as child; child.GRACE = 0.2; child.main()"
    _, folder, _, script, *arguments = one.texts()
    line = [sys.executable, "-c", program, folder, script, *arguments]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        until((one.folder / "ready").exists)
        assert process.stdin
        process.stdin.close()
        assert process.wait(20) == 70
    assert not alive(process.pid)


def test_standard_input_is_empty(tmp_path: Path) -> None:
    """A command that reads it ends, instead of waiting for ever."""
    script = tmp_path / "reads.py"
    script.write_text("import sys\nprint(repr(sys.stdin.read()))\n")
    texts = [str(tmp_path), str(tmp_path / "a"), str(tmp_path / "a.log"), str(script)]
    command = Command(texts)
    timer = threading.Timer(20, command.kill)
    timer.start()
    assert command.wait() == 0
    timer.cancel()
    command.close()
    assert (tmp_path / "a.log").read_text() == "''\n"
