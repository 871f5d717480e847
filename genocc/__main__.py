"""The program: ``genocc``, which is ``python -m genocc`` too."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType


def main() -> None:
    """Runs the command line. Ctrl-C ends it with one line and 130, also while it still imports what it needs."""
    interrupted = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # a job in the background may have it ignored
        signal.signal(signal.SIGINT, interrupt)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # the caller has closed it: >&-
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (until the process ends)
    try:
        from genocc.cli import app

        app(prog_name="genocc")
    except Exception:
        if not interrupted:
            raise
        # An import that is cut short raises what it likes: NumPy's makes a RecursionError of it.
        _end()
    except KeyboardInterrupt:
        _end()


def _end() -> None:
    from genocc.errors import interrupted

    sys.exit(interrupted())


if __name__ == "__main__":
    main()
