"""The program: ``genocc``, which is ``python -m genocc`` too."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

INTERRUPTED = 130
"""Exit code."""
APART = 1.0
"""Seconds after which another signal is a second one: `timeout` and terminals send the first several times."""
PATIENCE = 20.0
"""Seconds after which a command ends at once that has been interrupted and goes on: something swallowed it."""


def main() -> None:
    """Runs the command line.

    Ctrl-C and SIGTERM end it with one line and 130, also while it still imports what it needs; temporary files are
    removed. A second one ends it at once, whatever it is in the midst of; so does the first after ``PATIENCE`` where a
    library, in whose midst it struck, has swallowed it.
    """
    _occupy_closed_streams()
    interrupted = _Interrupted()
    try:
        interrupted.begin()  # here, where what its handlers raise is caught
        from genocc.cli import app
        from genocc.cli.console import StandardStream

        StandardStream.replace()
        app(prog_name="genocc")
    except Exception:
        if not interrupted.seen:
            raise
        # An import that is cut short raises what it likes: NumPy's makes a RecursionError of it.
        _end()
    except KeyboardInterrupt:
        _end()
    except SystemExit as ended:
        if not interrupted.seen or ended.code == INTERRUPTED:
            raise
        _end()  # whoever swallowed the interruption did not do all of its work


def _occupy_closed_streams() -> None:
    """Puts nothing in the place of streams that the caller has closed (>&-).

    Else the next file that is opened would be number 1 or 2, and libraries would print into it.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    for name in ("stdout", "stderr"):  # ``sys.stdin`` stays None, which who reads it says
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (until the process ends)


class _Interrupted:
    """Signal handlers of the program, and a thread that hears a second signal while PyTorch computes.

    Handlers of Python's run between two of its instructions, so not within a call that takes minutes.

    Attributes:
        seen: Whether there was a signal that the command has not answered itself.
    """

    def __init__(self) -> None:
        self.seen = False
        self._first = 0.0
        self._signals: list[int] = []

    def begin(self) -> None:
        """Installs the handlers and starts the thread."""
        for number in (signal.SIGINT, signal.SIGTERM):
            # A job in the background may have them ignored.
            if signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL):
                signal.signal(number, self._interrupt)
                self._signals.append(number)
        if self._signals:
            self._listen()

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self.seen:  # it is on its way
            return
        self.seen = True
        sys.unraisablehook = _say_nothing  # it may strike where nothing can be raised, as in a destructor
        raise KeyboardInterrupt

    def _listen(self) -> None:
        if not hasattr(os, "set_blocking") or sys.platform == "win32":  # a pipe cannot be what wakes Windows up
            return
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        threading.Thread(target=self._hear, args=(reader,), daemon=True, name="genocc-signals").start()

    def _hear(self, reader: int) -> None:
        while received := os.read(reader, 1):
            if received[0] not in self._signals:
                continue
            now = time.monotonic()
            if not self._first:
                self._first = now
                patience = threading.Timer(PATIENCE, self._insist)
                patience.daemon = True  # a command that ends does not wait for it
                patience.start()
            elif now - self._first > APART:
                _end_at_once()

    def _insist(self) -> None:
        if self.seen:  # runs, which have handlers of their own, may take their time to save what they have
            _end_at_once()


def _end_at_once() -> None:
    if (files := sys.modules.get("genocc.files")) is not None:
        files.discard_temporaries()
    os.write(2, b"genocc: interrupted\n")
    os._exit(INTERRUPTED)


def _say_nothing(_: Any) -> None:
    """In the place of ``sys.unraisablehook``."""


def _end() -> None:
    from genocc.errors import interrupted

    sys.exit(interrupted())


if __name__ == "__main__":
    main()
