"""Ctrl-C and SIGTERM: they end a run at once while it has nothing to save, then after the current batch."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """A signal handler that notes whether somebody asked to stop.

    Attributes:
        deferred: Whether a signal only sets ``requested``, instead of raising KeyboardInterrupt at once.
        requested: Whether there was a signal. A second one always raises.
    """

    def __init__(self) -> None:
        self.deferred = False
        self.requested = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        again, self.requested = self.requested, True
        if again or not self.deferred:
            raise KeyboardInterrupt


@contextmanager
def interruptions() -> Iterator[Interruption]:
    """Yields the handler of both signals within the context; in the main thread only, since others get no signals."""
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    before = {number: signal.signal(number, interruption) for number in SIGNALS}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
