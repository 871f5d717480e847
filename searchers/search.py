"""A search: the loop around the steps of `bilevel`, in the order that `schedule` puts them in.

Everything that decides what comes next is in a checkpoint, so a search that was stopped, or killed, goes on as if it
had not been: on a CPU, to the bit.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from genocc import __version__
from genocc.errors import RunError, TargetError
from genocc.genotype import Genotype
from genocc.runs import SEARCH, read_history

from .bilevel import Bilevel
from .config import SearchConfig
from .halves import load_halves
from .interface import Measured, View
from .interruption import Interruption, interruptions
from .progress import Progress
from .result import SearchResult, images_metadata
from .runs import Run, open_run
from .schedule import Phase, epoch_phases
from .supernet import SuperNet
from .telling import architecture_numbers

EVALUATED = 2048
"""Validation images that accuracies are measured on after an epoch; after the last one it is all of them."""
SAVED_EVERY = 600.0
"""Seconds after which a long epoch gets a checkpoint in its midst."""
LOOKED_EVERY = 0.25
"""Seconds between two looks at the meters: reading them waits for the device."""


def run_search(
    config: SearchConfig,
    out: str | Path,
    *,
    resume: bool = False,
    device: str = "auto",
    progress: Progress | None = None,
) -> SearchResult:
    """Searches for a genotype.

    Args:
        config: What to search, how, and on which images.
        out: The run folder.
        resume: Whether to go on with the run in it; a finished one is only read.
        device: ``cpu``, ``cuda``, or ``auto``: a GPU where there is one.
        progress: What is told about it.

    Raises:
        RunError: The folder cannot be used, or the loss is no longer finite.
        DataError: The images cannot be used.
        TargetError: The device does not exist.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the batch has been finished and a checkpoint written.
    """
    with interruptions() as interruption, open_run(out, SEARCH, config.model_dump(mode="json"), resume=resume) as run:
        if not run.finished:
            chosen = choose_device(device)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(config.seed)
                _Search(config, run, chosen, interruption, progress or Progress()).run()
        return SearchResult.read(run.path)


def choose_device(name: str) -> torch.device:
    """Returns a device; raises TargetError where it does not exist."""
    available = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    if name == "auto":
        return torch.device(available[-1])
    if name not in available:
        raise TargetError(f"device '{name}' cannot be had here; expected {' or '.join(available)}")
    return torch.device(name)


@dataclass(frozen=True)
class Position:
    """Where a search stands: so many steps of a phase of an epoch are done, and the epoch has taken so long."""

    epoch: int = 0
    phase: int = 0
    step: int = 0
    seconds: float = 0.0


class _Search:
    def __init__(
        self, config: SearchConfig, folder: Run, device: torch.device, interruption: Interruption, progress: Progress
    ) -> None:
        self.config, self.folder = config, folder
        self.interruption, self.progress = interruption, progress
        self.halves = load_halves(config, device)
        images = self.halves.training.images
        self.measured = Measured(len(self.halves.data.classes), images.channels, (images.size, images.size))
        self.net = SuperNet(config, self.measured).to(device)
        self.bilevel = Bilevel(self.net, config, self.halves.training, self.halves.validation)
        self.position = Position()
        self.clock = self.looked = self.saved = time.monotonic()

    def run(self) -> None:
        """The loop: epochs, their phases, their steps."""
        self._restore()
        self.interruption.deferred = True
        last = Position(self.config.schedule.epochs)
        with self.progress.running(self._title(), self._steps(last), self._steps(self.position)):
            for epoch in range(self.position.epoch, self.config.schedule.epochs):
                self.bilevel.begin_epoch(epoch)
                for number, phase in list(enumerate(self._phases(epoch)))[self.position.phase :]:
                    for step in range(self.position.step, phase.steps):
                        phase.step(self.bilevel)
                        self._advance(Position(epoch, number, step + 1))
                        self._look(phase)
                    self._advance(Position(epoch, number + 1))
                self._close_epoch(epoch)
        self._finish()

    def _phases(self, epoch: int) -> list[Phase]:
        halves = self.halves
        return epoch_phases(self.config.schedule, epoch, len(halves.training), len(halves.validation))

    def _advance(self, position: Position) -> None:
        now = time.monotonic()
        self.position = replace(position, seconds=self.position.seconds + now - self.clock)
        self.clock = now

    def _look(self, phase: Phase) -> None:
        """Between two steps: is all well, who wants to know, and does anybody want to stop?"""
        if self.clock - self.looked > LOOKED_EVERY:
            self.looked = self.clock
            self._check(self.bilevel.finite())
            edges = {kind: int(mask.sum()) for kind, mask in self.net.select().items()}
            where = f"epoch {self.position.epoch + 1}/{self.config.schedule.epochs} {phase.name}"
            self.progress.step(where, self.bilevel.numbers(), edges, self._steps(self.position))
        stop = self.interruption.requested
        if stop or self.clock - self.saved > SAVED_EVERY:
            self._save()
        if stop:
            where = f"stopped in epoch {self.position.epoch + 1}"
            self.folder.log(where)
            self.progress.message(f"{where}; go on with: genocc search --out {self.folder.path} --resume")
            raise KeyboardInterrupt

    def _close_epoch(self, epoch: int) -> None:
        """Measures, writes the epoch's line, and then the checkpoint that makes it final."""
        self._check(self.bilevel.finite_everywhere())
        last = epoch + 1 == self.config.schedule.epochs
        images = None if last else EVALUATED
        measured = {
            "epoch": epoch + 1,
            "temperature": self.net.relaxation.temperature(self.net.progress),
            **self.bilevel.numbers(),
            "validation_accuracy": self.bilevel.accuracy(images=images),
            "child_accuracy": self.bilevel.accuracy(self.net.route(View.DERIVED), images=images),
            **architecture_numbers(self.net.spaces, self.net.frozen(), self.net.derive(self._name())),
        }
        self._advance(self.position)
        line = {**measured, "seconds": round(self.position.seconds, 3)}
        self.folder.append(line)
        self.progress.epoch(line, self.config.schedule.epochs)
        self.bilevel.end_epoch()
        self.position = Position(epoch + 1)
        self._save()

    def _finish(self) -> None:
        """Writes the last epoch's genotype with what is known of it."""
        line = read_history(self.folder.path)[-1]
        genotype = Genotype.from_dict(line["genotype"])
        config = self.config
        metadata = {
            "method": config.method,
            "genocc": __version__,
            "seed": config.seed,
            "epochs": line["epoch"],
            "validation_accuracy": line["validation_accuracy"],
            "child_accuracy": line["child_accuracy"],
            "images": images_metadata(self.halves.data.name, self.measured),
        }
        self.folder.finish(genotype.model_copy(update={"metadata": metadata}).dumps())
        self.folder.log(f"finished: {genotype.hash}")

    def _save(self) -> None:
        self._check(self.bilevel.finite_everywhere())
        self.saved = time.monotonic()
        self.folder.save(
            {"position": asdict(self.position), "search": self.bilevel.state(), "random": torch.get_rng_state()}
        )

    def _restore(self) -> None:
        self.folder.begin()
        state = self.folder.restore()
        if state is not None:
            try:
                self.position = Position(**state["position"])
                self.bilevel.load_state(state["search"])
                torch.set_rng_state(state["random"])
            except (KeyError, TypeError, ValueError, RuntimeError) as error:
                reason = str(error).splitlines()[0]
                raise RunError(
                    f"{self.folder.path}: its checkpoint does not fit its config.json ({reason}); was it written by "
                    "another version of genocc? Start a new run"
                ) from None
        self.folder.truncate(self.position.epoch)
        self.folder.log(
            f"{'goes on in' if state else 'starts with'} epoch {self.position.epoch + 1}, genocc {__version__}"
        )
        self.clock = self.saved = time.monotonic()

    def _check(self, finite: bool) -> None:
        if finite:
            return
        epoch = self.position.epoch + 1
        left = f"the checkpoint after epoch {epoch - 1} is intact" if epoch > 1 else "there is no checkpoint yet"
        message = (
            f"{self.folder.path}: losses or weights are no longer finite in epoch {epoch}: the search has diverged; "
            f"{left}. Start a new run with a smaller --set weights.learning_rate"
        )
        self.folder.log(message)
        raise RunError(message)

    def _title(self) -> str:
        measured, halves = self.measured, self.halves
        return (
            f"{self.config.method} on {halves.data.name}: {len(halves.training.images):,} + "
            f"{len(halves.validation.images):,} images of {measured.size[0]}x{measured.size[1]}, {measured.classes} "
            f"classes, seed {self.config.seed}, {halves.training.device.type}"
        )

    def _name(self) -> str:
        return f"{self.config.method}-{self.halves.data.name}-seed{self.config.seed}"

    def _steps(self, position: Position) -> int:
        """How many steps come before a position."""
        before = sum(phase.steps for epoch in range(position.epoch) for phase in self._phases(epoch))
        if position.epoch == self.config.schedule.epochs:
            return before
        return before + sum(phase.steps for phase in self._phases(position.epoch)[: position.phase]) + position.step
