"""Ctrl-C and SIGTERM: at once while nothing is at stake, after the current batch while there is something to save."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Whether somebody asked to stop.

    Attributes:
        deferred: Whether a signal waits for the one who looks at ``requested``, instead of raising at once.
        requested: Whether there was one. A second one always raises.
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
    """Within the context, the two signals go to the `Interruption` that is yielded (in the main thread only)."""
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
