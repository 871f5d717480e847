"""How this process was started: alone, or with others by `torchrun`, which says so in the environment."""

from __future__ import annotations

import os
import time

PATIENCE = 5.0
"""Seconds that a process which has failed waits for the first one to say so; `torchrun` ends all others well before."""


def launched() -> bool:
    """Whether `torchrun` started this process together with others."""
    return "RANK" in os.environ and _number("WORLD_SIZE", 1) > 1


def is_first() -> bool:
    """Whether this process is the one of its run that writes and prints."""
    return not launched() or _number("RANK", 0) == 0


def speaks() -> bool:
    """Whether this process says why it fails: the first does, another only where the first has not failed as well.

    Most errors are those of all processes. So others wait: a first process that fails makes `torchrun` end them by
    SIGTERM, which interrupts the wait (KeyboardInterrupt).
    """
    if not is_first():
        time.sleep(PATIENCE)
    return True


def started() -> str:
    """Returns which process this is, for messages: ``process 2 of 4``; nothing of the first, or of one alone."""
    return "" if is_first() else f"process {_number('RANK', 0) + 1} of {_number('WORLD_SIZE', 1)}: "


def _number(name: str, usual: int) -> int:
    text = os.environ.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 10 else usual
