"""A search: a super-net, the two halves of the data, and the loop of every run, which takes the steps in turn::

for epoch in range(epochs):                     # genocc.runs.loop
    bilevel.begin_epoch(epoch)                  # bilevel: learning rate, annealing
    for phase in schedule.phases(epoch, ..):    # parts.schedule
        for _ in range(phase.steps):
            phase.step(bilevel)                 # DARTS: bilevel.architecture_step(); bilevel.weight_step()
    measure(epoch)                              # here: a line of history.jsonl, then a checkpoint
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from genocc.data import DataSet
from genocc.data.settings import load_data
from genocc.genotype import Genotype
from genocc.runs.folder import RunFolder
from genocc.runs.history import finished_epochs
from genocc.runs.images import images_metadata
from genocc.runs.interruption import Interruption, interruptions
from genocc.runs.loop import Loop, Phase, choose_device
from genocc.runs.processes import ALONE, Processes, process_group, shared_run
from genocc.runs.progress import Progress
from genocc.runs.randomness import Randomness, preserved
from genocc.runs.reading import HISTORY, SEARCH
from genocc.runs.tracking import Tracking, tracked
from genocc.version import __version__

from .config import SearchConfig, as_today
from .decision import undecided
from .interface import BilevelSteps, DataShape
from .parts.data import load_halves
from .result import SearchResult
from .sampling import run_sampling
from .stages import StagedBilevel, Stages
from .summary import architecture_numbers, format_epoch, format_steps
from .supernet.net import SuperNet

EVALUATED = 2048
"""Validation images that accuracies are measured on after each epoch but the last, which measures on all."""


def run_search(
    config: SearchConfig,
    out: str | Path,
    *,
    resume: bool = False,
    device: str = "auto",
    progress: Progress | None = None,
    data: DataSet | None = None,
    track: Iterable[str] = (),
) -> SearchResult:
    """Searches for a genotype; under `torchrun` together with the processes that it started.

    Args:
        config: What to search, how, and on which images.
        out: The run folder.
        resume: Whether to go on with the run in ``out``; a finished one is only read.
        device: ``cpu``, ``cuda``, or ``auto``: a GPU where there is one.
        progress: Is called as the search goes on, in the first process.
        data: The images; those that the configuration names where not given.
        track: Names of trackers (`genocc.runs.tracking`).

    Raises:
        ConfigError: The schedule's stages do not fit together, the batch does not divide among the processes, or a
            tracker does not exist or its package is not installed.
        RunError: The folder cannot be used, or the loss is no longer finite.
        DataError: The images cannot be used.
        TargetError: The device does not exist.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the batch has been finished and a checkpoint written.
    """
    if not resume:
        config.budget.profile()  # refuses a file of another machine before there is a folder
    Stages(config)  # refuses what does not fit together before there is a folder
    with (
        interruptions() as interruption,
        process_group() as processes,
        shared_run(processes, out, SEARCH, config.model_dump(mode="json"), resume=resume, today=as_today) as run,
        tracked(run, track, SEARCH, progress, processes.together()) as tracking,
    ):
        (finished,) = processes.any(run is not None and run.finished)
        if not finished:
            if config.schedule.trains:
                processes.share(config.schedule.batch_size)  # refused before anything is downloaded
            chosen = choose_device(device, processes)
            shown = progress if progress and processes.first else Progress()
            with preserved():  # images may be drawn with PyTorch's own generator
                torch.manual_seed(config.seed)
                images = data or processes.in_turn(lambda: load_data(config.data, resume=resume))
            if images.note:
                shown.message(images.note)
            with processes.together():
                if run:
                    run.note_data(images.identity())
                    run.note_files(config.budget.files())
            if config.schedule.trains:
                _Search(config, run, chosen, interruption, shown, images, tracking, processes).run()
            else:
                sizes = DataShape(len(images.classes), images.train.channels, images.train.size)
                with processes.together():
                    if run:
                        run_sampling(config, run, images.name, sizes, shown)
        result = _read(run.path if run else Path(out), config, processes)
        tracking.finish(result.to_dict)
        return result


def _read(folder: Path, config: SearchConfig, processes: Processes) -> SearchResult:
    """The result, sent to all processes: the folder may be on another machine."""
    if processes.count == 1:
        return SearchResult.read(folder)
    found = None
    with processes.together():
        if processes.first:
            result = SearchResult.read(folder)
            found = {"genotype": result.genotype.dumps(), "history": result.history}
    received = processes.broadcast_object(found)
    assert received is not None
    return SearchResult.of(folder, config, Genotype.loads(received["genotype"]), received["history"])


class _Search(Loop[StagedBilevel]):
    """The loop, with what it asks of a search: phases, measurements, the result."""

    command = SEARCH
    advice = "a smaller --set weights.learning_rate"

    def __init__(
        self,
        config: SearchConfig,
        folder: RunFolder | None,
        device: torch.device,
        interruption: Interruption,
        progress: Progress,
        data: DataSet,
        tracking: Tracking,
        processes: Processes = ALONE,
    ) -> None:
        self.config, self.tracking = config, tracking
        self.halves = load_halves(config.data, config.schedule.batch_size, config.seed, device, data, processes)
        images = self.halves.training.images
        self.data_shape = DataShape(len(self.halves.data.classes), images.channels, images.size)
        bilevel = StagedBilevel(config, self.data_shape, self.halves.training, self.halves.validation, processes)
        drawn = Randomness(config.seed, device)
        super().__init__(bilevel, config.schedule.epochs, folder, interruption, progress, processes, drawn, device)

    @property
    def net(self) -> SuperNet:
        """The super-net; that of the stage, where there are several."""
        return self.learner.net

    def phases(self, epoch: int) -> Sequence[Phase[BilevelSteps]]:
        halves = self.halves
        schedule, of_stage = self.learner.stages.schedule(epoch)
        return schedule.phases(of_stage, len(halves.training), len(halves.validation))

    def live(self) -> str:
        looks = self.config.derivation.looks  # too slow to be asked within an epoch
        edges = {} if looks else {kind: int(mask.sum()) for kind, mask in self.net.select().items()}
        return format_steps(self.learner.numbers(), edges)

    def measure(self, epoch: int) -> dict[str, Any]:
        last = epoch + 1 == self.epochs
        images = None if last else EVALUATED
        return {
            **self.net.relaxation.numbers(self.net.progress),
            **self.learner.numbers(),
            "validation_accuracy": self.learner.accuracy(images=images),
            **self.learner.child_accuracy(images),
            **architecture_numbers(self.net.spaces, self.net.frozen(), self._derived()),
            **({"undecided": self._undecided()} if last else {}),
        }

    def format_epoch(self, line: Mapping[str, Any]) -> str:
        return format_epoch(line)

    def settled(self) -> None:
        self.tracking.update()

    def finish(self, folder: RunFolder) -> None:
        """Writes the genotype of the last epoch, its accuracies and its data in the metadata."""
        history = finished_epochs(folder.path, SEARCH)
        line = history[-1]
        genotype = Genotype.from_dict(line["genotype"], where=f"{folder.path / HISTORY}: line {len(history)}")
        config, shape = self.config, self.data_shape
        metadata = {
            "method": config.method,
            "genocc": __version__,
            "seed": config.seed,
            "epochs": line["epoch"],
            "validation_accuracy": line["validation_accuracy"],
            "child_accuracy": line["child_accuracy"],
            "child_accuracy_stale": line["child_accuracy_stale"],
            "undecided": line["undecided"],
            **self._images(),
            **config.budget.latency_metadata(genotype, **shape.of_network),
        }
        folder.finish(genotype.model_copy(update={"metadata": metadata}).dumps())
        folder.log(f"finished: {genotype.hash}")

    def title(self) -> str:
        shape, halves = self.data_shape, self.halves
        shared = f", {self.processes.count} processes" if self.processes.count > 1 else ""
        return (
            f"{self.config.method} on {halves.data.name}: {len(halves.training.images):,} + "
            f"{len(halves.validation.images):,} images of {shape.size[0]}x{shape.size[1]}, {shape.classes} "
            f"classes, preset {self.config.preset}, seed {self.config.seed}, {halves.training.device.type}{shared}"
        )

    def _undecided(self) -> list[str]:
        net, config = self.net, self.config
        coefficients, alphas = net.coefficients(), net.architecture_parameters()
        within_edges, noise = config.derivation.within_edges, config.relaxation.initial_noise
        return undecided(net.spaces, coefficients, net.select(), alphas, within_edges, noise)

    def _derived(self) -> Genotype:
        """What the search would give now; a report of a search that goes on counts its net at the search's images."""
        return self.net.derive(self._name()).model_copy(update={"metadata": self._images()})

    def _images(self) -> dict[str, Any]:
        shape = self.data_shape
        return images_metadata(self.halves.data.name, shape.classes, shape.channels, shape.size)

    def _name(self) -> str:
        return f"{self.config.method}-{self.halves.data.name}-seed{self.config.seed}"
