"""One process, or several that share each batch: `torchrun`'s environment, and what the processes exchange."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import torch
from torch import Tensor, distributed

from genocc.errors import ConfigError, RunError, TargetError


@dataclass(frozen=True)
class Processes:
    """This process among those of a run; by default the only one.

    Attributes:
        rank: Number of this process; process 0 has the run folder.
        count: Number of processes.
        local_rank: Number of this process on its machine, and of its GPU.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes and prints."""
        return self.rank == 0

    def share(self, batch_size: int) -> slice:
        """Returns the slice of a batch that is this process's; raises ConfigError where shares would not be equal."""
        if batch_size % self.count:
            raise ConfigError(
                f"a batch of {batch_size} images does not divide among {self.count} processes, and unequal shares "
                f"would weigh images differently; choose a multiple of {self.count} with --set schedule.batch_size"
            )
        size = batch_size // self.count
        return slice(self.rank * size, (self.rank + 1) * size)

    def any(self, *flags: bool) -> list[bool]:
        """Returns, per flag, whether any process has set it."""
        if self.count == 1:
            return list(flags)
        found = torch.tensor(flags, dtype=torch.uint8)
        distributed.all_reduce(found, distributed.ReduceOp.MAX)
        return [bool(flag) for flag in found]

    def largest(self, *values: int) -> list[int]:
        """Returns, per place, the largest of all processes' values."""
        if self.count == 1:
            return list(values)
        found = torch.tensor(values, dtype=torch.int64)
        distributed.all_reduce(found, distributed.ReduceOp.MAX)
        return [int(value) for value in found]

    def summed(self, values: Tensor) -> Tensor:
        """Returns the sum of a tensor over all processes."""
        if self.count == 1:
            return values
        total = values.clone()
        distributed.all_reduce(total)
        return total

    def broadcast(self, tensors: Sequence[Tensor]) -> None:
        """Copies the first process's tensors to all processes, in place."""
        if self.count > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, 0)

    def broadcast_object(self, state: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Returns the first process's state (nested tensors and plain data, read without running code)."""
        if self.count == 1:
            return None if state is None else dict(state)
        content = BytesIO()
        torch.save(state if state is None else dict(state), content)
        size = torch.tensor(len(content.getvalue()))
        distributed.broadcast(size, 0)
        found = torch.zeros(int(size), dtype=torch.uint8)
        if self.first:
            found = torch.frombuffer(bytearray(content.getvalue()), dtype=torch.uint8)
        distributed.broadcast(found, 0)
        received: dict[str, Any] | None = torch.load(BytesIO(found.numpy().tobytes()), weights_only=True)
        return received

    @contextmanager
    def together(self) -> Iterator[None]:
        """Ends all processes where the body of the context fails in one of them.

        Raises:
            RunError: The body failed in another process, which says why.
        """
        try:
            yield
        except BaseException:
            self.any(True)
            raise
        if self.any(False)[0]:
            raise RunError("another process of this run could not begin; it says why")


ALONE = Processes()


@contextmanager
def process_group() -> Iterator[Processes]:
    """Yields this process among those that `torchrun` started with it; alone without `torchrun`.

    A process group that the calling program has initialized is used as it is.

    Raises:
        TargetError: The processes do not find each other.
    """
    if not distributed.is_available() or not (distributed.is_initialized() or launched()):
        yield ALONE
        return
    ours = not distributed.is_initialized()
    local = int(os.environ.get("LOCAL_RANK", 0))
    if ours:
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        if torch.cuda.is_available():
            torch.cuda.set_device(local % torch.cuda.device_count())
        try:
            distributed.init_process_group(backend)
        except (ValueError, RuntimeError) as error:
            reason = (str(error).splitlines() or ["no reason given"])[0]
            raise TargetError(f"the processes of torchrun do not find each other: {reason}") from None
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size(), local)
    finally:
        if ours:
            distributed.destroy_process_group()


def is_first() -> bool:
    """Whether this process is the one of its run that writes and prints."""
    return int(os.environ.get("RANK", 0)) == 0


def launched() -> bool:
    """Whether `torchrun` started this process together with others."""
    return int(os.environ.get("WORLD_SIZE", 1)) > 1 and "RANK" in os.environ
