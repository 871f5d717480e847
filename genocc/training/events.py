"""The history of a training as TensorBoard events, for those who have TensorBoard."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from genocc.errors import ConfigError
from genocc.files import explained
from genocc.runs.folder import RunFolder
from genocc.runs.reading import RUN_EVENTS
from genocc.training.settings import OutputConfig

EpochWriter = Callable[[Mapping[str, Any]], None]
"""Writes a line of the history."""


@contextmanager
def event_writer(config: OutputConfig, run: RunFolder | None) -> Iterator[EpochWriter]:
    """Yields a function that writes a line of the history as events, or ignores it where no events are wanted.

    The first line makes the file of the events. PyTorch's SummaryWriter would write in a thread of its own, whose
    errors are a traceback on standard error.

    Args:
        config: Whether events are wanted.
        run: Where they go; None in all processes but the first.

    Raises:
        ConfigError: Events are wanted, and TensorBoard is not installed.
    """
    if not config.tensorboard:
        yield lambda line: None
        return
    try:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.record_writer import RecordWriter
    except ImportError:
        raise ConfigError(
            "output.tensorboard=true needs the package tensorboard, which is not installed: "
            "pip install 'genocc[tensorboard]'"
        ) from None
    name = f"events.out.tfevents.{time.time():.6f}.{socket.gethostname()}.{os.getpid()}"
    begun = False

    def write(line: Mapping[str, Any]) -> None:
        nonlocal begun
        if run is None:
            return
        path, now, epoch = run.path / RUN_EVENTS / name, time.time(), line["epoch"]
        events = [
            Event(wall_time=now, step=epoch, summary=Summary(value=[Summary.Value(tag=tag, simple_value=value)]))
            for tag, value in scalars(line)
        ]
        if not begun:  # the start drops what an earlier process wrote of this epoch and later ones
            start = Event(wall_time=now, step=epoch, session_log=SessionLog(status=SessionLog.START))
            events = [Event(wall_time=now, file_version="brain.Event:2"), start, *events]
        with explained(path, "write"):
            path.parent.mkdir(exist_ok=True)
            with open(path, "ab") as stream:
                writer = RecordWriter(stream)
                for event in events:
                    writer.write(event.SerializeToString())
        begun = True

    yield write


def scalars(line: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Yields the numbers of a line of the history with their paths, such as ``test/top1``."""
    for name, value in line.items():
        if isinstance(value, Mapping):
            yield from scalars(value, f"{prefix}{name}/")
        elif isinstance(value, (int, float)) and name != "epoch":
            yield f"{prefix}{name}", float(value)
