"""PyTorch: the device that was asked for, one thread for few images, and its state, which others in a program use."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any

import torch

from genocc.errors import TargetError

TRACING = threading.RLock()
"""Held by whoever traces or loads an exported program: PyTorch cannot do so in two threads at a time."""


def torch_device(provider: str) -> torch.device:
    """Returns the device of a provider, ``cpu`` or ``cuda``; raises TargetError if it is not available."""
    if provider not in ("cpu", "cuda"):
        raise TargetError(f"unknown provider '{provider}'; expected one of cpu, cuda")
    if provider == "cuda" and not torch.cuda.is_available():
        raise TargetError("provider cuda: PyTorch finds no CUDA device on this machine; try cpu")
    return torch.device(provider)


def one_thread() -> AbstractContextManager[None]:
    """Returns a context in which the calling thread computes alone, enough for a few images; see `limited_threads`.

    Two threads take 20 times as long on two cores of which another program uses one.
    """
    return limited_threads(1)


@contextmanager
def limited_threads(number: int | None) -> Iterator[None]:
    """Limits what the calling thread does in PyTorch to a number of threads, where one is given.

    ``torch.set_num_threads`` would change the number for all threads of the program, and for good for those that first
    use PyTorch meanwhile; OpenMP's number belongs to the calling thread. Where PyTorch is built without OpenMP the
    number stays as it is.
    """
    if number is None:
        yield
        return
    threads = torch.get_num_threads()  # first: it sets the calling thread's number, once
    set_threads = _omp_set_num_threads()
    if set_threads is None or threads == number:
        yield
        return
    set_threads(number)
    try:
        yield
    finally:
        set_threads(threads)


def full_precision(device: torch.device | str) -> AbstractContextManager[None]:
    """Returns a context in which convolutions on a GPU compute in float32, not in TF32; on a CPU they always do."""
    return _full_precision if torch.device(device).type == "cuda" else nullcontext()


class _FullPrecision(AbstractContextManager[None]):
    """PyTorch's flag is the program's: the first of several threads changes it, and the last puts it back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside, self._before = 0, True

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = torch.backends.cudnn.allow_tf32
                torch.backends.cudnn.allow_tf32 = False
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                torch.backends.cudnn.allow_tf32 = self._before


_full_precision = _FullPrecision()


@cache
def _omp_set_num_threads() -> Any:
    """OpenMP's function, from the library that PyTorch has loaded; None where there is none."""
    if "OpenMP" not in torch.__config__.parallel_info():
        return None
    return getattr(ctypes.CDLL(None), "omp_set_num_threads", None)
