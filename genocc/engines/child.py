"""``python -m genocc.engines.child FOLDER SCRIPT ARGUMENT...``: a job's command, in the process that it runs in.

Standard input is a pipe that nobody writes to: its end is the end of the process that started this one, and so, after
a signal and a while to save its state, of this one. An exception that the command does not expect gives exit code 70,
to be told from a check that failed (1).
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time
import traceback
from pathlib import Path

CRASHED = 70
"""Exit code (EX_SOFTWARE of sysexits.h)."""
GRACE = 30.0
"""Seconds that a job gets to save its state, after the signal to end."""


def main() -> None:
    """Runs the command line's job; `--resume` is appended where its run folder exists."""
    folder, script, *arguments = sys.argv[1:]
    _watch_parent()
    try:
        if Path(folder).exists():
            from genocc.runs.folder import wait_until_free

            wait_until_free(Path(folder), GRACE + 5)  # for an earlier attempt that is about to end
            arguments.append("--resume")
        if script:
            sys.path.insert(0, str(Path(script).parent))
            sys.argv = [script, *arguments]
            runpy.run_path(script, run_name="__main__")
        else:
            sys.argv = ["genocc", *arguments]
            runpy.run_module("genocc", run_name="__main__", alter_sys=True)
    except Exception:
        traceback.print_exc()
        sys.exit(CRASHED)


def _watch_parent() -> None:
    reader, nothing = os.dup(0), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    threading.Thread(target=_end_with_parent, args=(reader,), daemon=True, name="genocc-parent").start()


def _end_with_parent(reader: int) -> None:
    while os.read(reader, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(CRASHED)


if __name__ == "__main__":
    main()
