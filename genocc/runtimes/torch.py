"""PyTorch: the device that was asked for, and one thread for few images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from genocc.errors import TargetError


def torch_device(provider: str) -> torch.device:
    """Returns the device of a provider, ``cpu`` or ``cuda``; raises TargetError if it is not available."""
    if provider not in ("cpu", "cuda"):
        raise TargetError(f"unknown provider '{provider}'; expected one of cpu, cuda")
    if provider == "cuda" and not torch.cuda.is_available():
        raise TargetError("provider cuda: PyTorch finds no CUDA device on this machine; try cpu")
    return torch.device(provider)


@contextmanager
def one_thread() -> Iterator[None]:
    """Limits PyTorch to one thread, enough for a few images.

    Two take 20 times as long on two cores of which another program uses one.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
