"""A job that engines run in tests, in the place of genocc: a run folder, a result, and the ways to end.

python worker.py WHAT --out FOLDER [--resume]
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

what, _, folder, *rest = sys.argv[1:]
out = Path(folder)
out.mkdir(parents=True, exist_ok=True)
(out / "pid").write_text(str(os.getpid()))
with open(out / "begun", "a", encoding="utf-8") as stream:
    stream.write(f"{rest} threads={os.environ.get('OMP_NUM_THREADS')} gpu={os.environ.get('CUDA_VISIBLE_DEVICES')}\n")
print(f"working on {what}", flush=True)


def save(number: int, frame: object) -> None:
    (out / "saved").write_text("yes")
    print("stopped", file=sys.stderr)
    sys.exit(130)


if what == "misused":
    print("genocc: error: --epochs x: expected a number", file=sys.stderr)
    sys.exit(2)
if what == "unsound":
    print("over the budget", file=sys.stderr)
    sys.exit(1)
if what == "crash":
    raise RuntimeError("no such luck")
if what == "killed-once" and not rest:
    os.kill(os.getpid(), signal.SIGKILL)
if what == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if what == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if what == "preempted" and not rest:
    what = "endless"
if what == "endless":
    signal.signal(signal.SIGTERM, save)
if what in ("stubborn", "endless"):
    (out / "ready").touch()
    while True:
        time.sleep(0.02)
(out / "result").write_text(f"{out.name} is done\n")
