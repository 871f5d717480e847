"""PyTorch's default random generators, borrowed: whatever draws from them sees the run's numbers, and nobody else does.

The generators are the whole program's. One thread at a time borrows them, and gives them back as they were.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Generator, Tensor

_BORROWED = threading.RLock()


@contextmanager
def preserved() -> Iterator[None]:
    """Gives the CPU's default generator back as it was; meanwhile no other thread borrows it."""
    with _BORROWED, torch.random.fork_rng(devices=[]):
        yield


class Randomness:
    """A stream of random numbers that goes on from one borrowing to the next.

    Args:
        seed: Of the stream.
        device: Where numbers are drawn, besides the CPU.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._streams = [Generator(one).manual_seed(seed) for one in _places(device)]

    @property
    def state(self) -> Tensor:
        """State of the CPU's stream."""
        return self._streams[0].get_state()

    @state.setter
    def state(self, state: Tensor) -> None:
        self._streams[0].set_state(state)

    @contextmanager
    def borrowed(self) -> Iterator[None]:
        """Puts the stream in the place of the default generators within the context."""
        with _BORROWED:
            defaults = [_default(stream.device) for stream in self._streams]
            before = [default.get_state() for default in defaults]
            for default, stream in zip(defaults, self._streams, strict=True):
                default.set_state(stream.get_state())
            try:
                yield
            finally:
                for default, stream, state in zip(defaults, self._streams, before, strict=True):
                    stream.set_state(default.get_state())
                    default.set_state(state)


def _places(device: torch.device) -> list[torch.device]:
    return [torch.device("cpu"), *([device] if device.type == "cuda" else [])]


def _default(device: torch.device) -> Generator:
    if device.type == "cpu":
        return torch.default_generator
    torch.cuda.init()  # type: ignore[no-untyped-call]
    return torch.cuda.default_generators[torch.cuda.current_device() if device.index is None else device.index]
