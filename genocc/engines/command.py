"""A job's command as a process of this machine; engines of several machines call `run` on the one that has the job."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from genocc.engines.child import GRACE
from genocc.errors import EngineError
from genocc.files import explained, shortened

TAIL = 1 << 16
"""Bytes of a log's end in which a message is looked for."""
KILLED = -9
"""Exit code of a process that was killed: -SIGKILL, a name that Windows lacks."""
_ERROR = re.compile(r"(?:[\w .-]+: )?error: (.+)")


class Command:
    """A process that runs a job's command, in a session of its own: Ctrl-C is for the process that starts it.

    It ends when this process ends, however that ends (`genocc.engines.child`).

    Args:
        texts: What `Job.texts` gives.
        environment: Variables beside those of this process.

    Raises:
        FileError: The log cannot be written.
        EngineError: The process cannot be started.
    """

    def __init__(self, texts: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        place, folder, log, script, *arguments = texts
        self.log = Path(log)
        with explained(log, "write"):
            self.log.parent.mkdir(parents=True, exist_ok=True)
            stream = open(log, "ab")  # noqa: SIM115 (closed below)
        line = [sys.executable, "-P", "-m", "genocc.engines.child", folder, script, *arguments]
        with stream:
            self._from = stream.tell()
            try:
                self.process = subprocess.Popen(
                    line,
                    stdin=subprocess.PIPE,
                    stdout=stream,
                    stderr=stream,
                    cwd=place,
                    env={**os.environ, **(environment or {})},
                    start_new_session=True,
                )
            except OSError as error:
                raise EngineError(f"{shortened(place)}: no process can be started there: {error.strerror}") from None

    def wait(self) -> int:
        """Waits for the end of the process, and returns its exit code, -n after a signal n."""
        return self.process.wait()

    def ask_to_end(self) -> None:
        """Gives up the pipe: the process sends itself a signal, saves its state and ends."""
        if self.process.stdin:
            self.process.stdin.close()

    def kill(self) -> None:
        """Ends the process at once, and those that it has started."""
        with suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                self.process.kill()
            else:
                os.killpg(self.process.pid, signal.SIGKILL)

    def end(self) -> None:
        """Asks the process to end, and ends it at once where it takes too long; for handlers of signals too."""
        self.ask_to_end()
        limit = time.monotonic() + GRACE
        while not self._has_ended():
            if time.monotonic() > limit:
                self.kill()
                return
            time.sleep(0.02)

    def close(self) -> None:
        """Ends the process if it still runs, and waits for it."""
        if self.process.poll() is None:
            self.end()
        self.process.wait()
        self.ask_to_end()

    def _has_ended(self) -> bool:
        """As `Popen.poll`, which takes a lock that an interrupted `wait` may hold."""
        if sys.platform == "win32" or not hasattr(os, "waitid"):  # macOS has it from Python 3.13
            return self.process.poll() is not None
        try:
            return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
        except ChildProcessError:  # it has been waited for
            return True

    def message(self) -> str:
        """Returns, of a process that failed, the last error that it printed, else how it ended; one line."""
        code = self.process.returncode
        if code < 0:
            try:
                name = signal.Signals(-code).name
            except ValueError:
                name = f"signal {-code}"
            memory = ", for lack of memory perhaps" if name == "SIGKILL" else ""
            return f"ended by {name}{memory}; see {self.log}"
        with open(self.log, "rb") as stream:
            stream.seek(max(self._from, stream.seek(0, os.SEEK_END) - TAIL))
            lines = [line.strip() for line in stream.read(TAIL).decode("utf-8", "replace").splitlines()]
        errors = [found[1] for line in lines if (found := _ERROR.fullmatch(line))]
        last = next((line for line in reversed(lines) if line), "")
        return errors[-1] if errors else f"exit code {code}{': ' if last else ''}{shortened(last)}; see {self.log}"


def run(texts: Sequence[str], environment: Mapping[str, str] | None = None) -> list[str]:
    """Runs a job's command to its end, and returns its exit code and its message, as texts.

    Whatever ends the call ends the command. Arguments and errors as those of `Command`.
    """
    command = Command(texts, environment)
    try:
        code = command.wait()
        return [str(code), command.message() if code else ""]
    finally:
        command.close()
