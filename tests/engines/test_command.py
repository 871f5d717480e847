"""A job's command as a process: its log, what it says at last, and its end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from genocc.engines.command import Command, run
from genocc.errors import EngineError, FileError
from tests.engines.jobs import alive, job, until


@pytest.mark.parametrize(
    ("what", "code", "message"),
    [
        ("misused", 2, "--epochs x: expected a number"),
        ("killed", -9, "ended by SIGKILL, for lack of memory perhaps; see {log}"),
        ("crash", 70, "exit code 70: RuntimeError: no such luck; see {log}"),
        ("unsound", 1, "exit code 1: over the budget; see {log}"),
        ("done", 0, ""),
    ],
)
def test_what_a_command_came_to(tmp_path: Path, what: str, code: int, message: str) -> None:
    one = job(tmp_path, what)
    one.log.write_text("genocc: error: of an earlier attempt\n")
    assert run(one.texts()) == [str(code), message.format(log=one.log)]
    assert one.log.read_text().startswith(f"genocc: error: of an earlier attempt\nworking on {what}\n")


def test_it_runs_genocc_where_the_driver_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from genocc.engines.base import Job

    monkeypatch.chdir(tmp_path)
    one = Job("a", ("import", "nothing.txt", "--from", "darts", "-o", "x.json"), Path("deep/a"))
    code, message = run(one.texts())
    assert (code, message) == ("2", "nothing.txt: no such file; check the path")
    assert (tmp_path / "deep" / "a.log").read_text() == "genocc: error: nothing.txt: no such file; check the path\n"


@pytest.mark.parametrize("lacking", ["", "waitid"], ids=["all", "without waitid"])
def test_closing_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacking: str) -> None:
    if lacking:
        monkeypatch.delattr(os, lacking)
    one = job(tmp_path, "endless")
    command = Command(one.texts())
    until((one.folder / "ready").exists)
    command.close()
    assert command.process.returncode == 130
    assert (one.folder / "saved").exists()
    assert not alive(command.process.pid)


def test_places_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    place, folder, log, *rest = job(tmp_path).texts()
    with pytest.raises(EngineError, match=r"gone: no process can be started there: No such file"):
        Command([str(tmp_path / "gone"), folder, log, *rest])
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="file"):
        Command([place, folder, str(tmp_path / "file" / "a.log"), *rest])
