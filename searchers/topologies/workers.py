"""Processes that work through independent tasks, one thread each, and end when the one that started them does."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from genocc.errors import RunError

T = TypeVar("T")
R = TypeVar("R")


def work(
    function: Callable[[T], R], tasks: Iterable[T], workers: int, prepare: Callable[..., None], *arguments: Any
) -> Iterator[R]:
    """Yields the results of ``function`` as they come, in any order.

    Whatever ends the iteration (an error, Ctrl-C, a kill) ends the processes at once, even in the middle of a task.

    Args:
        function: Of one task; importable, because other processes call it.
        tasks: Its arguments.
        workers: Number of processes.
        prepare: Called once per process, before its first task.
        *arguments: Of ``prepare``.

    Raises:
        RunError: A process has died.
    """
    context = multiprocessing.get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, context, _start, (reader, prepare, arguments))
    try:
        with _interruptions_later():  # a process that is interrupted while it starts prints where it was
            futures = [pool.submit(function, task) for task in tasks]
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool:
        raise RunError(
            "a worker process has died, for lack of memory perhaps; go on with --resume, and fewer --jobs"
        ) from None
    finally:
        writer.close()  # every process takes this as its end
        pool.shutdown(cancel_futures=True)
        reader.close()


@contextmanager
def _interruptions_later() -> Iterator[None]:
    """Blocks Ctrl-C within the context, and for good in the processes that are started in it, which inherit that."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # it would unblock the signal, were it to start within
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(reader: Connection, prepare: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    threading.Thread(target=_end_with_parent, args=(reader,), daemon=True).start()
    torch.set_num_threads(1)
    prepare(*arguments)


def _end_with_parent(reader: Connection) -> None:
    """Ends this process once the other end of the pipe is closed, by its owner or by its owner's death."""
    try:
        reader.recv_bytes()
    except EOFError:
        os._exit(1)
