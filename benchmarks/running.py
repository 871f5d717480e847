"""What the scripts beside this share: how one is run, and how a call is timed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import torch
import typer

from genocc.errors import GenoccError


def run(main: Callable[..., None]) -> None:
    """Runs a script; errors that are its user's are one line, and exit code 2."""
    try:
        typer.run(main)
    except GenoccError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def timed(function: Callable[[], object]) -> float:
    """Returns the seconds that a call takes, the device's work included."""
    wait = torch.cuda.synchronize if torch.cuda.is_available() else lambda: None
    wait()
    start = time.perf_counter()
    function()
    wait()
    return time.perf_counter() - start
