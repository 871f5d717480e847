"""A training: the steps of `trainer` in the loop of every run (`genocc.runs.loop`), or without a run folder (`fit`)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from genocc import weights as weight_files
from genocc.data import DataSet
from genocc.errors import RunError
from genocc.genotype import Genotype
from genocc.nn import target_net
from genocc.runs.epochs import best_epoch, kept_accuracies
from genocc.runs.folder import RunFolder
from genocc.runs.interruption import Interruption, interruptions
from genocc.runs.loop import Loop, Phase, choose_device
from genocc.runs.processes import Processes, process_group, shared_run
from genocc.runs.progress import Progress
from genocc.runs.randomness import preserved
from genocc.runs.reading import RUN_BEST, RUN_GENOTYPE, RUN_LAST, RUN_TEST, TRAIN, read_history
from genocc.runs.tracking import Tracking, tracked
from genocc.threads import adaptive_waiting
from genocc.training.config import TrainConfig
from genocc.training.result import TrainResult, config_json
from genocc.training.trainer import Trainer, load_shared


def run_training(
    genotype: Genotype,
    config: TrainConfig,
    out: str | Path,
    *,
    resume: bool = False,
    device: str = "auto",
    progress: Progress | None = None,
    data: DataSet | None = None,
    track: Iterable[str] = (),
) -> TrainResult:
    """Trains a genotype's net in a run folder; under `torchrun` together with the processes that it started.

    Args:
        genotype: The cells.
        config: How, and on which images.
        out: The run folder.
        resume: Whether to go on with the run in it; a finished one is only read.
        device: ``cpu``, ``cuda``, or ``auto``: a GPU where there is one.
        progress: Where the first process shows its progress.
        data: The images; those that the configuration names where not given.
        track: Names of trackers besides TensorBoard, which the configuration asks for.

    Raises:
        RunError: The folder cannot be used, or losses or weights are no longer finite.
        DataError: The images cannot be used.
        NetworkError: The network does not fit the genotype or the images.
        ConfigError: The precision does not exist on the device, the batch does not divide among the processes, or
            a tracker does not exist or its package is not installed.
        TargetError: The device does not exist.
        KeyboardInterrupt: Ctrl-C or SIGTERM; the batch has been finished and a checkpoint written.
    """
    trackers = [*track, *(["tensorboard"] if config.output.tensorboard else [])]
    with (
        interruptions() as interruption,
        process_group() as processes,
        shared_run(processes, out, TRAIN, config_json(config, genotype), resume=resume, result=RUN_LAST) as run,
        tracked(run, trackers, TRAIN, progress, processes.together()) as tracking,
    ):
        (finished,) = processes.any(run is not None and run.finished)
        if not finished:
            chosen = choose_device(device, processes)
            shown = progress if progress and processes.first else Progress()
            with preserved():  # images may be drawn with PyTorch's own generator
                images = data or load_shared(config, processes, resume=resume)
            if images.note:
                shown.message(images.note)
            with processes.together():
                if run:
                    run.note_data(images.identity())
            trainer = Trainer(genotype, config, chosen, data=images, processes=processes)
            _Training(trainer, run, interruption, shown, processes, tracking).run()
        result = _read(Path(out), genotype, config, processes)
        tracking.finish(result.to_dict)
        return result


@dataclass(frozen=True)
class Fitted:
    """A net that was trained without a run folder.

    Attributes:
        trainer: With the trained net, and its average if there is one.
        history: One mapping per epoch, as in a run's history, without durations; the last has accuracies.
    """

    trainer: Trainer
    history: list[dict[str, Any]]

    @property
    def top1(self) -> float:
        """Top-1 accuracy after the last epoch; of the averaged weights where there are any."""
        return float(kept_accuracies(self.history[-1])["top1"])


def fit(genotype: Genotype, config: TrainConfig, *, data: DataSet | None = None, device: str = "auto") -> Fitted:
    """Trains a genotype's net in this process, to the end, and measures it after the last epoch; writes nothing.

    The weights are the same as those of `run_training`. PyTorch's global random generator is left as it was.

    Args:
        genotype: The cells.
        config: How, and on which images.
        data: The images; those that the configuration names where not given.
        device: ``cpu``, ``cuda``, or ``auto``: a GPU where there is one.

    Raises:
        RunError: Losses or weights are no longer finite.
        GenoccError: As `run_training`.
    """
    history: list[dict[str, Any]] = []
    trainer = Trainer(genotype, config, choose_device(device), data=data)
    with adaptive_waiting(torch.get_num_threads()):
        _fit(trainer, history)
    return Fitted(trainer, history)


def _fit(trainer: Trainer, history: list[dict[str, Any]]) -> None:
    genotype, config = trainer.net.genotype, trainer.config
    for epoch in range(config.schedule.epochs):
        trainer.begin_epoch(epoch)
        for _ in range(trainer.steps):
            trainer.step()
        if not trainer.finite_everywhere():
            raise RunError(f"{genotype.name}: losses or weights are no longer finite in epoch {epoch + 1}")
        last = epoch + 1 == config.schedule.epochs
        history.append({"epoch": epoch + 1, **(trainer.measure() if last else {"training": trainer.seen()})})
        trainer.end_epoch()


class _Training(Loop[Trainer]):
    command = TRAIN
    advice = "a smaller --set optimizer.learning_rate, or longer --set schedule.warmup"

    def __init__(
        self,
        trainer: Trainer,
        folder: RunFolder | None,
        interruption: Interruption,
        progress: Progress,
        processes: Processes,
        tracking: Tracking,
    ) -> None:
        epochs, device = trainer.config.schedule.epochs, trainer.device
        super().__init__(trainer, epochs, folder, interruption, progress, processes, device=device)
        self.tracking = tracking

    def begin(self, folder: RunFolder) -> None:
        super().begin(folder)
        folder.write(RUN_GENOTYPE, self.learner.net.genotype.dumps())

    def phases(self, epoch: int) -> list[Phase[Trainer]]:
        return [Phase("training", self.learner.steps, Trainer.step)]

    def live(self) -> str:
        seen = self.learner.seen()
        return f"loss {seen['loss']:.2f}  acc {seen['accuracy']:.1%}"

    def measure(self, epoch: int) -> dict[str, Any]:
        images = self.learner.steps * self.learner.training.batch_size
        return {**self.learner.measure(), "images_per_second": round(images / max(self.position.seconds, 1e-9), 1)}

    def format_epoch(self, line: Mapping[str, Any]) -> str:
        part = self.learner.config.data.measured
        measured = {"accuracy" if part == "test" else part: line[part], "average": line.get("average")}
        accuracies = "  ".join(f"{name} {found['top1']:.4f}" for name, found in measured.items() if found)
        return (
            f"lr {line['learning_rate']:.4f}  loss {line['training']['loss']:.3f}  {accuracies}  "
            f"{line['seconds']:.1f} s, {line['images_per_second']:,.0f} images/s"
        )

    def close_epoch(self, folder: RunFolder, line: Mapping[str, Any]) -> None:
        """Keeps the weights if they are the best so far."""
        if best_epoch(read_history(folder.path)) == line:
            folder.write(RUN_BEST, self._save_weights)

    def settled(self) -> None:
        self.tracking.update()

    def finish(self, folder: RunFolder) -> None:
        line, part = best_epoch(read_history(folder.path)), self.learner.config.data.measured
        said = f"best {part} accuracy {kept_accuracies(line)['top1']:.4f} after epoch {line['epoch']}"
        if part != "test":
            found = self.learner.test_accuracy(folder.path / RUN_BEST)
            folder.write(RUN_TEST, json.dumps({"epoch": line["epoch"], **found.to_dict()}) + "\n")
            said += f", test accuracy {found.top1:.4f}"
        folder.finish(self._save_weights)
        folder.log(f"finished: {said}")

    def title(self) -> str:
        trainer, network = self.learner, self.learner.net.config
        height, width = network.input_size
        shared = f", {self.processes.count} processes" if self.processes.count > 1 else ""
        return (
            f"{trainer.net.genotype.name} ({network.skeleton}, C={network.channels}, L={network.layers}) on "
            f"{trainer.data.name}: {len(trainer.training.images):,} images of {height}x{width}, {network.classes} "
            f"classes, preset {trainer.config.preset}, seed {trainer.config.seed}, {trainer.device.type}{shared}"
        )

    def _save_weights(self, path: Path) -> None:
        target_net.save(self.learner.result, path, self.learner.provenance)


def _read(folder: Path, genotype: Genotype, config: TrainConfig, processes: Processes) -> TrainResult:
    """The result, sent to all processes: the folder may be on another machine."""
    if processes.count == 1:
        return TrainResult.read(folder)
    found = None
    with processes.together():
        if processes.first:
            texts = weight_files.metadata(folder / RUN_BEST)
            result = TrainResult.read(folder)
            found = {"history": result.history, "texts": texts, "test": result.test}
    received = processes.broadcast_object(found)
    assert received is not None
    return TrainResult.of(folder, config, genotype, received["history"], received["texts"], received["test"])
