"""Ctrl-C and SIGTERM: they end a run at once while it has nothing to save, then after the current batch."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)

APART = 1.0
"""Seconds after which another signal is a second one: `timeout` and terminals send the first several times."""


class Interruption:
    """A signal handler that notes whether somebody asked to stop.

    Attributes:
        deferred: Whether a signal only sets ``requested``, instead of raising KeyboardInterrupt at once.
        requested: Whether there was a signal. A second one always raises.
    """

    def __init__(self) -> None:
        self.deferred = False
        self.requested = False
        self._first = 0.0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self.requested:
            self.requested, self._first = True, now
            again = False
        else:
            again = now - self._first > APART
        if again or not self.deferred:
            raise KeyboardInterrupt


@contextmanager
def interruptions() -> Iterator[Interruption]:
    """Yields the handler of both signals within the context; in the main thread only, since others get no signals."""
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    # Ignored: of a job in the background. None: handled by something that is not Python, which could not get it back.
    ours = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in ours:
        signal.signal(number, interruption)
    try:
        yield interruption
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
