"""One process, or several that share each batch: `torchrun`'s environment, and what the processes exchange."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed
from torch.nn import Parameter

from genocc.errors import ConfigError, GenoccError, RunError, TargetError
from genocc.launcher import launched
from genocc.runs.folder import RunFolder, open_run
from genocc.runs.reading import RUN_GENOTYPE

T = TypeVar("T")


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

    def averaged(self, tensors: Sequence[Tensor | None]) -> list[Tensor | None]:
        """Returns the means of tensors over all processes, exchanged in one piece; None, which all have, stays None."""
        found = [tensor for tensor in tensors if tensor is not None]
        if self.count == 1 or not found:
            return list(tensors)
        together = torch.cat([tensor.flatten() for tensor in found])
        distributed.all_reduce(together)
        parts = iter(torch.split(together.div_(self.count), [tensor.numel() for tensor in found]))
        return [None if tensor is None else next(parts).view_as(tensor) for tensor in tensors]

    def average_gradients(self, parameters: Sequence[Parameter]) -> None:
        """Replaces gradients by their means over all processes; those of a loss that is the mean over a share."""
        if self.count > 1:
            for parameter, gradient in zip(parameters, self.averaged([p.grad for p in parameters]), strict=True):
                parameter.grad = gradient

    def in_turn(self, make: Callable[[], T]) -> T:
        """Returns what a function makes; the first process calls it before all others, so that a download is done once.

        Raises:
            RunError: The function failed in another process.
        """
        with self.together():
            made = [make()] if self.first else []
        with self.together():
            return made[0] if made else make()

    def broadcast(self, tensors: Sequence[Tensor]) -> None:
        """Copies the first process's tensors to all processes, in place."""
        if self.count > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, 0)

    def broadcast_object(self, state: Mapping[str, Any] | None, source: int = 0) -> dict[str, Any] | None:
        """Returns the state of one process (nested tensors and plain data, read without running code) to all.

        Args:
            state: Of this process.
            source: Number of the process whose state is returned.
        """
        if self.count == 1:
            return None if state is None else dict(state)
        content = BytesIO()
        if self.rank == source:
            torch.save(state if state is None else dict(state), content)
        size = torch.tensor(len(content.getvalue()))
        distributed.broadcast(size, source)
        found = torch.zeros(int(size), dtype=torch.uint8)
        if self.rank == source:
            found = torch.frombuffer(bytearray(content.getvalue()), dtype=torch.uint8)
        distributed.broadcast(found, source)
        received: dict[str, Any] | None = torch.load(BytesIO(found.numpy().tobytes()), weights_only=True)
        return received

    @contextmanager
    def together(self) -> Iterator[None]:
        """Ends all processes where the body of the context fails in one of them.

        Raises:
            RunError: The body failed in another process, for the reason that the message gives.
            KeyboardInterrupt: Another process was interrupted.
        """
        if self.count == 1:
            yield
            return
        try:
            yield
        except BaseException as error:
            self._first_failure(error)
            raise
        if (found := self._first_failure(None)) is not None:
            raise found

    def _first_failure(self, error: BaseException | None) -> BaseException | None:
        """Returns what has failed in the first of the processes in which something has; None where nothing has."""
        (found,) = self.largest(0 if error is None else self.count - self.rank)
        if not found:
            return None
        told = None
        if error is not None:
            kind = "" if isinstance(error, GenoccError) else f"{type(error).__name__}: "
            told = {"reason": f"{kind}{error}", "interrupted": isinstance(error, KeyboardInterrupt)}
        told = self.broadcast_object(told, self.count - found)
        assert told is not None
        if told["interrupted"]:
            return KeyboardInterrupt()
        number = self.count - found + 1
        return RunError(told["reason"] if number == 1 else f"process {number} of {self.count}: {told['reason']}")


ALONE = Processes()


@contextmanager
def process_group() -> Iterator[Processes]:
    """Yields this process among those that `torchrun` started with it; alone without `torchrun`.

    A process group that the calling program has initialized is used as it is.

    Raises:
        TargetError: The processes do not find each other.
        RunError: Another process has ended within the context.
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
    except RuntimeError as error:
        if not isinstance(error, distributed.DistError) and "gloo" not in str(error):
            raise
        raise RunError(
            "another process of this run has ended, or the connection to it; where the run has a checkpoint, --resume "
            "goes on from it"
        ) from None
    finally:
        if ours:
            distributed.destroy_process_group()


@contextmanager
def shared_run(
    processes: Processes,
    out: str | Path,
    command: str,
    config: Mapping[str, Any],
    *,
    resume: bool,
    result: str = RUN_GENOTYPE,
    today: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict,
) -> Iterator[RunFolder | None]:
    """Yields the run folder to the first process, and None to the others, which wait until it has it.

    Args:
        processes: Those of the run.
        out: As the others, see `open_run`.
        command: Of the run.
        config: Of the run.
        resume: Whether to go on with the run in ``out``.
        result: Name of the file that a finished run has.
        today: As in `open_run`.
    """
    with ExitStack() as stack:
        run = None
        with processes.together():
            if processes.first:
                opened = open_run(out, command, config, resume=resume, result=result, today=today)
                run = stack.enter_context(opened)
        yield run
