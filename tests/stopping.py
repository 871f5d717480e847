"""Runs that are stopped in their midst."""

from __future__ import annotations

import signal

from genocc.runs.progress import Progress


class StopAt(Progress):
    """Sends the process a signal after a step, as Ctrl-C would."""

    def __init__(self, step: int, number: signal.Signals = signal.SIGINT) -> None:
        self.at, self.number = step, number
        self.seen: list[str] = []

    def step(self, where: str, seen: str, done: int) -> None:
        self.seen.append(where)
        if done == self.at:
            signal.raise_signal(self.number)
