"""The loop of a run: epochs, their phases, their steps; and between them progress, checkpoints and a way to stop.

Everything that determines the next step is in a checkpoint, so a run that was stopped, or killed, goes on as if it had
not been: on a CPU, to the bit. Of several processes, the first has the run folder; all come to the same decisions.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import torch

from genocc.configuration import LARGEST
from genocc.errors import InternalError, RunError, TargetError
from genocc.runs.belonging import belonging, refuse_foreign
from genocc.runs.checkpoints import check_kinds, load_checkpoint, save_checkpoint
from genocc.runs.cost_meter import CostMeter
from genocc.runs.costs import COSTS
from genocc.runs.folder import RunFolder
from genocc.runs.interruption import Interruption
from genocc.runs.processes import ALONE, Processes
from genocc.runs.progress import Progress
from genocc.runs.randomness import Randomness
from genocc.runs.reading import read_history
from genocc.threads import adaptive_waiting
from genocc.version import __version__

SAVED_EVERY = 600.0
"""Seconds after which a long epoch gets a mid-epoch checkpoint."""
BELONGING = "belonging"
"""Key of a checkpoint: the run that it is of; those of older versions lack it."""
LOOKED_EVERY = 0.25
"""Seconds between two readings of the meters, which wait for the device."""


class Learner(Protocol):
    """The state that a loop takes through its epochs; each process has one, and all processes make the same calls."""

    def begin_epoch(self, epoch: int) -> None:
        """Sets what depends on the number of the epoch."""

    def end_epoch(self) -> None:
        """Clears the measurements of the epoch."""

    def finite(self) -> bool:
        """Whether the losses of the epoch so far are finite."""

    def finite_everywhere(self) -> bool:
        """Whether everything that a checkpoint would hold is finite."""

    def state(self) -> dict[str, Any]:
        """Returns everything that the next step depends on, as tensors and plain data."""

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restores a `state`."""


L = TypeVar("L", bound=Learner)
L_contra = TypeVar("L_contra", bound=Learner, contravariant=True)


@dataclass(frozen=True)
class Phase(Generic[L_contra]):
    """A number of steps of one kind.

    Attributes:
        name: For the progress display.
        steps: Number of steps.
        step: Takes one step.
    """

    name: str
    steps: int
    step: Callable[[L_contra], None]


@dataclass(frozen=True)
class Position:
    """Where a run stands, before a step.

    Attributes:
        epoch: Epochs done.
        phase: Phases of the epoch done.
        step: Steps of the phase done.
        seconds: What the epoch has taken so far.
    """

    epoch: int = 0
    phase: int = 0
    step: int = 0
    seconds: float = 0.0

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Position:
        """Returns the position in a checkpoint; raises TypeError or ValueError where that is none."""
        found = cls(**state)
        numbers = (found.epoch, found.phase, found.step)
        if not all(type(number) is int and number >= 0 for number in numbers):
            raise ValueError(f"position {numbers}, expected whole numbers")
        if type(found.seconds) not in (int, float) or not 0 <= found.seconds < LARGEST:
            raise ValueError(f"position after {found.seconds} seconds")
        return found


class Loop(ABC, Generic[L]):
    """Takes a run from wherever it stands to its end.

    Args:
        learner: The state that the steps change.
        epochs: Number of epochs.
        folder: The run folder; None in all processes but the first.
        interruption: Whether somebody asked to stop.
        progress: Where progress is shown.
        processes: The processes of the run.
        randomness: What steps draw from PyTorch's default generators; None where they draw nothing that matters.
        device: Where the steps compute; the CPU where not given.
    """

    command: ClassVar[str]
    """Which ``genocc`` command goes on with the run."""
    advice: ClassVar[str]
    """Remedy to suggest when losses are no longer finite."""

    def __init__(
        self,
        learner: L,
        epochs: int,
        folder: RunFolder | None,
        interruption: Interruption,
        progress: Progress,
        processes: Processes = ALONE,
        randomness: Randomness | None = None,
        device: torch.device | None = None,
    ) -> None:
        self.learner, self.epochs, self.folder, self.randomness = learner, epochs, folder, randomness
        self.interruption, self.progress, self.processes = interruption, progress, processes
        self.costs = CostMeter(device or torch.device("cpu"), processes)
        self.position = Position()
        self.clock = self.looked = self.saved = time.monotonic()

    @abstractmethod
    def title(self) -> str:
        """Returns a description of the run, for people."""

    @abstractmethod
    def phases(self, epoch: int) -> Sequence[Phase[L]]:
        """Returns the phases of an epoch, in order."""

    @abstractmethod
    def live(self) -> str:
        """Returns the measurements of the epoch so far, short, for people."""

    @abstractmethod
    def measure(self, epoch: int) -> dict[str, Any]:
        """Returns the epoch's line of the history, without its number and its costs."""

    @abstractmethod
    def format_epoch(self, line: Mapping[str, Any]) -> str:
        """Returns a line of the history, for people."""

    @abstractmethod
    def finish(self, folder: RunFolder) -> None:
        """Writes the result."""

    def begin(self, folder: RunFolder) -> None:
        """Writes what a run folder holds from its beginning, once it is clear that there is something to run."""
        folder.begin()

    def close_epoch(self, folder: RunFolder, line: Mapping[str, Any]) -> None:
        """Called once an epoch is final: its line is in the history, and its state in the newest checkpoint.

        And again where a run goes on from that checkpoint: the process may have been killed before.
        """

    def settled(self) -> None:
        """Called in the first process when history and checkpoint agree: before the first step, after each epoch."""

    def run(self) -> None:
        """Goes through the epochs.

        Raises:
            RunError: Losses or weights are no longer finite, or the checkpoint does not fit the configuration.
            KeyboardInterrupt: Somebody asked to stop; a checkpoint has been written.
        """
        self._restore()
        self._settle()
        last = Position(self.epochs)
        with (
            self.progress.running(self.title(), self._steps(last), self._steps(self.position)),
            adaptive_waiting(torch.get_num_threads(), self.progress.message),
        ):
            for epoch in range(self.position.epoch, self.epochs):
                self.learner.begin_epoch(epoch)
                for number, phase in list(enumerate(self.phases(epoch)))[self.position.phase :]:
                    for step in range(self.position.step, phase.steps):
                        self._step(phase)
                        self._advance(Position(epoch, number, step + 1))
                        self._look(phase)
                    self._advance(Position(epoch, number + 1))
                self._end_epoch(epoch)
        if self.folder:
            self.finish(self.folder)

    def _step(self, phase: Phase[L]) -> None:
        try:
            with self.randomness.borrowed() if self.randomness else nullcontext():
                phase.step(self.learner)
        except InternalError:
            self._check(self.learner.finite_everywhere())  # with NaN weights, later errors are consequences
            raise

    def _advance(self, position: Position) -> None:
        now = time.monotonic()
        self.position = replace(position, seconds=self.position.seconds + now - self.clock)
        self.costs.advance(now - self.clock)
        self.clock = now

    def _look(self, phase: Phase[L]) -> None:
        """Between two steps: checks the losses, shows progress, writes a mid-epoch checkpoint, stops where asked to."""
        first = self.processes.first  # whose clock counts
        look, save = self.processes.any(
            first and self.clock - self.looked > LOOKED_EVERY, first and self.clock - self.saved > SAVED_EVERY
        )
        if look:
            self.looked = self.clock
            self._check(self.learner.finite())
            where = f"epoch {self.position.epoch + 1}/{self.epochs} {phase.name}"
            self.progress.step(where, self.live(), self._steps(self.position))
        (stop,) = self.processes.any(self.interruption.requested)
        if stop or save:
            self._save()
        if stop:
            where = f"stopped in epoch {self.position.epoch + 1}"
            if self.folder:
                self.folder.log(where)
                self.progress.message(f"{where}; go on with: genocc {self.command} --out {self.folder.path} --resume")
            self.processes.any(False)  # whoever ends before the first has saved would make torchrun end that
            raise KeyboardInterrupt

    def _end_epoch(self, epoch: int) -> None:
        """Measures, writes the epoch's line, and then the checkpoint that makes it final."""
        self._check(self.learner.finite_everywhere())
        measured = self.measure(epoch)
        self._advance(self.position)
        seconds = round(self.position.seconds, 3)
        line = {"epoch": epoch + 1, **measured, "seconds": seconds, COSTS: self.costs.read()}
        if self.folder:
            self.folder.append(line)
        self.progress.epoch(f"epoch {epoch + 1:>{len(str(self.epochs))}}/{self.epochs}  {self.format_epoch(line)}")
        self.learner.end_epoch()
        self.costs.clear()
        self.position = Position(epoch + 1)
        self._save()
        if self.folder:
            self.close_epoch(self.folder, line)
        self._settle()

    def _settle(self) -> None:
        """What `settled` takes is no part of an epoch's time and costs."""
        if self.folder:
            before = time.monotonic()
            self.settled()
            self.clock += time.monotonic() - before

    def _save(self) -> None:
        self._check(self.learner.finite_everywhere())
        self.saved = time.monotonic()
        learned = self.learner.state()
        if self.folder:
            drawn = self.randomness.state if self.randomness else None
            state = {"position": asdict(self.position), "learner": learned, "random": drawn}
            noted = belonging(self.folder, self.position.epoch)
            save_checkpoint(self.folder, {**state, COSTS: self.costs.state(), BELONGING: noted})

    def _restore(self) -> None:
        state = None
        with self.processes.together():
            if self.folder:
                self.begin(self.folder)
                state = load_checkpoint(self.folder)
                if state and BELONGING in state:
                    refuse_foreign(self.folder, state[BELONGING], _epochs(state))
        state = self.processes.broadcast_object(state)
        if state is not None:
            where = f"{self.folder.path}: " if self.folder else ""
            if missing := [name for name in ("position", "learner", "random", COSTS) if name not in state]:
                raise RunError(
                    f"{where}its checkpoint has no '{missing[0]}': it was written by an older version of genocc, or "
                    "changed since. Start a new run"
                )
            try:
                self.position = Position.from_state(state["position"])
                self._check_position()
                self.costs.load_state(state[COSTS])
                self.learner.load_state(state["learner"])
                check_kinds(state["learner"], self.learner.state())
                if self.randomness:
                    self.randomness.state = state["random"]
            except Exception as error:  # of any class: a checkpoint is a file that anybody may have changed
                reason = (str(error).splitlines() or [""])[0][:100]
                raise RunError(
                    f"{where}its checkpoint does not fit its config.json ({type(error).__name__}: {reason}); was it "
                    "changed, or written by another version of genocc? Start a new run"
                ) from None
            if not self.learner.finite_everywhere():
                raise RunError(
                    f"{where}its checkpoint holds values that are not finite; was it changed? Start a new run"
                )
        self.interruption.deferred = True  # until a step is done: what the log says has begun can go on
        if self.folder:
            self.folder.truncate(self.position.epoch)
            begins = "goes on in" if state else "starts with"
            self.folder.log(f"{begins} epoch {self.position.epoch + 1}, genocc {__version__}")
            if self.position.epoch and self.position == Position(self.position.epoch):
                self.close_epoch(self.folder, read_history(self.folder.path)[-1])
        self.clock = self.saved = time.monotonic()

    def _check_position(self) -> None:
        """Raises ValueError where the run has no such position."""
        epoch, phase, step = self.position.epoch, self.position.phase, self.position.step
        phases = self.phases(epoch) if epoch < self.epochs else []
        steps = phases[phase].steps if phase < len(phases) else 0
        if epoch > self.epochs or phase > len(phases) or step > steps:
            raise ValueError(f"position {epoch}, {phase}, {step} lies beyond the run")

    def _check(self, finite: bool) -> None:
        if not self.processes.any(not finite)[0]:
            return
        epoch = self.position.epoch + 1
        left = f"the checkpoint after epoch {epoch - 1} is intact" if epoch > 1 else "there is no checkpoint yet"
        where = f"{self.folder.path}: " if self.folder else ""
        message = (
            f"{where}losses or weights are no longer finite in epoch {epoch}: the {self.command} has diverged; {left}. "
            f"Start a new run with {self.advice}"
        )
        if self.folder:
            self.folder.log(message)
        raise RunError(message)

    def _steps(self, position: Position) -> int:
        """Number of steps before a position."""
        before = sum(phase.steps for epoch in range(position.epoch) for phase in self.phases(epoch))
        if position.epoch == self.epochs:
            return before
        return before + sum(phase.steps for phase in self.phases(position.epoch)[: position.phase]) + position.step


def _epochs(state: Mapping[str, Any]) -> int:
    """Epochs done at a checkpoint; 0 where its position is none, which is refused where it is read."""
    position = state.get("position")
    found = position.get("epoch") if isinstance(position, Mapping) else None
    return found if type(found) is int and found >= 0 else 0


def choose_device(name: str | torch.device, processes: Processes = ALONE) -> torch.device:
    """Returns a device, its own GPU for each of several processes; raises TargetError where it is not available."""
    available = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    name = str(name)
    if name == "auto":
        name = available[-1]
    if name not in available:
        raise TargetError(f"device '{name}' is not available here; expected {' or '.join(available)}")
    if name == "cuda" and processes.count > 1:
        return torch.device("cuda", processes.local_rank % torch.cuda.device_count())
    return torch.device(name)
