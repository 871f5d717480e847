"""Steps of a training: SGD on a genotype's net over the training part, as the papers evaluate cells.

Batches, augmentation and dropped paths are functions of the seed and the step, not of the process: several processes
that share a batch see what one would.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from genocc.data import Batches, DataSet, Images, split
from genocc.data.batches import derived_seed
from genocc.data.images import WHOLE
from genocc.data.settings import augmented, load_data, place
from genocc.errors import ConfigError, DataError
from genocc.genotype import Genotype
from genocc.lowering import lower
from genocc.nn import target_net
from genocc.nn.batch_norm import SYNC_EMITTERS
from genocc.nn.primitives import EMITTERS
from genocc.nn.target_net import TargetNet
from genocc.passes import PASSES, Parameters, run_passes
from genocc.provenance import Provenance
from genocc.runs.meter import Meter
from genocc.runs.own_files import training_text
from genocc.runs.processes import ALONE, Processes
from genocc.runs.randomness import Randomness
from genocc.training.config import TrainConfig
from genocc.training.evaluation import Accuracy, counts
from genocc.training.optimization import (
    all_finite,
    autocast,
    classification_loss,
    half_cosine,
    optimizer_state,
    restore,
)
from genocc.training.settings import TrainingImagesConfig


class Trainer:
    """A genotype's net with its optimizer and its images.

    Args:
        genotype: The cells.
        config: How it is trained.
        device: Where it is trained.
        data: The images; those that the configuration names where not given.
        processes: The processes that share each batch.

    Attributes:
        net: The net of this process.
        average: The moving average of its weights; None without one.
        training: Batches of the training part, or this process's share of them.
        measured: The part that each epoch is measured on: held-out training images where there are any, else ``test``.
        test: The test part.

    Raises:
        DataError: The images cannot be used.
        NetworkError: The skeleton has no place for the genotype, or the maps are too small for the auxiliary head.
        ConfigError: The precision does not exist on the device, or the batch does not divide among the processes.
    """

    def __init__(
        self,
        genotype: Genotype,
        config: TrainConfig,
        device: torch.device,
        *,
        data: DataSet | None = None,
        processes: Processes = ALONE,
    ) -> None:
        self.config, self.device, self.processes = config, device, processes
        self.data = data or load_shared(config, processes)
        self.training, self.measured, self.test = _batches(config, self.data, device, processes)
        self.net = _net(genotype, config, self.data)
        self._place(self.net)
        self.net.drop_path_share = (
            (self.training.share.start, self.training.batch_size) if processes.count > 1 else None
        )
        self.average = _average(self.net, config)
        self._parameters = [parameter for parameter in self.net.parameters() if parameter.requires_grad]
        self.optimizer = config.optimizer.optimizer(self._parameters)
        self._scaler = torch.amp.GradScaler(device.type, enabled=config.compute.precision == "float16")
        self._model = self._forward_of(self.net)
        self._meter = Meter(device)
        self._step = 0

    @property
    def steps(self) -> int:
        """Number of steps per epoch."""
        return len(self.training)

    def begin_epoch(self, epoch: int) -> None:
        """Sets the drop-path probability, which grows linearly with the epochs."""
        self.net.drop_path_rate = self.config.regularization.drop_path * epoch / self.config.schedule.epochs

    def end_epoch(self) -> None:
        """Empties the meter."""
        self._meter.clear()

    def step(self) -> None:
        """One step of SGD on the next batch."""
        images, labels = self.training[self._step]
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.config, self._step, self.steps)
        self.optimizer.zero_grad(set_to_none=True)
        with self._precision(), self._drawing():
            outputs = self._model(self._laid_out(images))
        logits, *auxiliary = outputs if isinstance(outputs, tuple) else (outputs,)
        loss = self._loss(logits, labels)
        total = loss
        for other in auxiliary:
            total = total + self.config.regularization.auxiliary_weight * self._loss(other, labels)
        torch.autograd.backward(self._scaler.scale(total))
        self._scaler.unscale_(self.optimizer)
        self.config.optimizer.clip_gradients(self._parameters)
        self._scaler.step(self.optimizer)
        self._scaler.update()
        if self.average:
            self.average.update_parameters(self.net)
        self._meter.add(loss, logits, labels)
        self._step += 1

    def seen(self) -> dict[str, float]:
        """Returns loss and accuracy over this process's images since the start of the epoch."""
        return self._meter.read()

    def measure(self) -> dict[str, Any]:
        """Returns an epoch's measurements: loss and accuracy in training, over all processes, and accuracies.

        Accuracies are those on the ``measured`` part, by its name, and of the averaged weights, if there are any.
        """
        measured = {
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            "drop_path": self.net.drop_path_rate,
            "training": self._meter.read(self.processes.summed),
            self.config.data.measured: _shares(self.accuracy(self.net)),
        }
        return {**measured, "average": _shares(self.accuracy(self.average.module))} if self.average else measured

    @torch.no_grad()
    def accuracy(self, net: nn.Module) -> Accuracy:
        """Returns a net's accuracy on the part that epochs are measured on, which the processes share."""
        self.processes.broadcast([*net.buffers()])
        net.eval()
        mine = slice(self.processes.rank, None, self.processes.count)
        total = self._counted(net, self.measured, mine)
        net.train()
        return Accuracy.of(self.processes.summed(total), len(self.data.classes))

    @torch.no_grad()
    def test_accuracy(self, weights: Path) -> Accuracy:
        """Returns the accuracy of a file of weights on all test images; this process measures it alone."""
        net = target_net.load(weights).eval()
        self._place(net)
        return Accuracy.of(self._counted(net, self.test), len(self.data.classes))

    def _place(self, net: TargetNet) -> None:
        net.to(self.device, _dtype(self.config, self.device))
        if self.config.compute.channels_last:
            net.to(memory_format=torch.channels_last)

    def _counted(self, net: nn.Module, part: Batches, which: slice = WHOLE) -> Tensor:
        total = torch.zeros(3, dtype=torch.int64, device=self.device)
        for images, labels in part.in_order(self.config.schedule.batch_size, which=which):
            with self._precision():
                total += counts(net(self._laid_out(images)), labels)
        return total

    @property
    def result(self) -> TargetNet:
        """The net whose weights are kept: the moving average where there is one."""
        if self.average is None:
            return self.net
        averaged = self.average.module
        assert isinstance(averaged, TargetNet)
        return averaged

    @property
    def provenance(self) -> Provenance:
        """Provenance for a file of the run's own weights."""
        return Provenance(
            self.net.genotype,
            self.net.config,
            class_names=self.data.classes,
            normalization=(self.data.mean, self.data.std),
            training=training_text(self.config.model_dump(mode="json"), self.data.identity()),
        )

    def finite(self) -> bool:
        """Whether the losses of the epoch so far are finite; waits for the device."""
        return all_finite([self._meter.sums])

    def finite_everywhere(self) -> bool:
        """Whether everything that a checkpoint would hold is finite."""
        return self.finite() and all_finite(self.net.state_dict().values())

    def state(self) -> dict[str, Any]:
        """Returns everything that the next step depends on, as tensors and plain data."""
        return {
            "net": self.net.state_dict(),
            "average": self.average.state_dict() if self.average else None,
            "optimizer": optimizer_state(self.optimizer),
            "scaler": self._scaler.state_dict(),
            "meter": self.processes.summed(self._meter.sums),
            "step": self._step,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Restores a `state`."""
        self.net.load_state_dict(state["net"])
        if self.average:
            self.average.load_state_dict(state["average"])
        if type(state["step"]) is not int or state["step"] < 0:
            raise ValueError(f"step {state['step']}")
        self._step = state["step"]
        # a scaler of losses leaves out steps, perhaps all of them so far
        all_moved = self._step > 0 and self.config.optimizer.momentum > 0 and not self._scaler.is_enabled()
        restore(self.optimizer, state["optimizer"], dict(self.net.named_parameters()), all_moved=all_moved)
        self._scaler.load_state_dict(state["scaler"])
        if self.processes.first:  # the sum over all processes, which `measure` adds up again
            self._meter.sums.copy_(state["meter"])

    def _forward_of(self, net: TargetNet) -> Any:
        model: nn.Module = net
        if self.processes.count > 1:
            devices = [self.device] if self.device.type == "cuda" else None
            model = DistributedDataParallel(net, device_ids=devices)
        return torch.compile(model) if self.config.compute.compile else model

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return classification_loss(logits, labels, self.config.regularization.label_smoothing)

    def _precision(self) -> AbstractContextManager[Any]:
        return autocast(self.config.compute.precision, self.device)

    def _drawing(self) -> AbstractContextManager[None]:
        """Paths are dropped by numbers of the step's own, whatever the program around has drawn."""
        if not self.net.drop_path_rate:
            return nullcontext()
        return Randomness(derived_seed(self.config.seed, "step", self._step), self.device).borrowed()

    def _laid_out(self, images: Tensor) -> Tensor:
        if self.config.compute.precision == "float64":
            images = images.double()
        return images if self.config.compute.channels_last else images.contiguous()


def learning_rate(config: TrainConfig, step: int, steps: int) -> float:
    """Returns the learning rate of a step.

    Args:
        config: Of the training.
        step: Number of the step over all epochs, from 0.
        steps: Number of steps per epoch.
    """
    schedule = config.schedule
    grain = 1.0 if schedule.update == "epoch" else 1 / steps
    time = step // steps if schedule.update == "epoch" else step / steps
    done = time / schedule.epochs
    rate = config.optimizer.decayed(half_cosine(math.pi * done) if schedule.decay == "cosine" else 1 - done)
    return rate * min(1.0, (time + grain) / schedule.warmup) if schedule.warmup else rate


def load_shared(config: TrainConfig, processes: Processes, *, resume: bool = False) -> DataSet:
    """Loads the data set, in the first process before all others, so that it is downloaded once."""
    return processes.in_turn(lambda: load_data(config.data, resume=resume))


def _batches(
    config: TrainConfig, data: DataSet, device: torch.device, processes: Processes
) -> tuple[Batches, Batches, Batches]:
    """The training part, or a share of it, in batches; the part that epochs are measured on; and the test part."""
    wanted = config.data
    images, held = training_parts(data, wanted)
    batch = min(config.schedule.batch_size, len(images))
    share = processes.share(batch)
    arguments: dict[str, Any] = {"seed": config.seed, "device": device}
    training = augmented(images, data, wanted, batch, stream="training", share=share, **arguments)
    test = augmented(data.test, data, wanted, batch, stream="test", **arguments)
    if held is None:
        return training, test, test
    return training, augmented(held, data, wanted, batch, stream="validation", **arguments), test


def training_parts(data: DataSet, wanted: TrainingImagesConfig) -> tuple[Images, Images | None]:
    """Returns the images that are trained on, and those that are held out, if any are; raises DataError."""
    images, count = data.train, len(data.train)
    parts = [wanted.training] if wanted.training != 1 else []
    if wanted.validation is not None:
        held = round(wanted.validation if wanted.validation > 1 else wanted.validation * count)
        if not parts and held >= count:
            raise DataError(
                f"--validation {wanted.validation:g}: of {count:,} training images none is left to train on"
            )
        parts = [*(parts or [count - held]), held]
    if not parts:
        return images, None
    chosen = split(images.labels, parts, wanted.split_seed, data.classes, place(wanted))
    found = [images.subset(part) for part in chosen]
    return found[0], found[1] if len(found) > 1 else None


def _net(genotype: Genotype, config: TrainConfig, data: DataSet) -> TargetNet:
    """The net; only parameters that its outputs depend on are trained."""
    size, channels = data.train.size, data.train.channels
    network = config.network.network(classes=len(data.classes), input_size=size, input_channels=channels)
    emitters = SYNC_EMITTERS if config.distributed.sync_batch_norm else EMITTERS
    net = TargetNet(genotype, network, seed=config.seed, emitters=emitters)
    graph = lower(genotype, network, training=True)
    live, _ = run_passes(graph, Parameters.absent(graph), [PASSES["remove-dead-code"]], training=True)
    for name, parameter in net.named_parameters():
        parameter.requires_grad_(name in live.parameters())
    return net


def _dtype(config: TrainConfig, device: torch.device) -> torch.dtype:
    precision = config.compute.precision
    if precision == "float16" and device.type != "cuda":
        raise ConfigError(
            f"compute.precision=float16 on {device.type}: half precision with loss scaling is for CUDA; use "
            "compute.precision=bfloat16, which needs no scaling"
        )
    return torch.float64 if precision == "float64" else torch.float32


def _average(net: TargetNet, config: TrainConfig) -> AveragedModel | None:
    if config.average.decay is None:
        return None
    update = get_ema_multi_avg_fn(config.average.decay)  # type: ignore[no-untyped-call]
    return AveragedModel(net, multi_avg_fn=update, use_buffers=True)


def _shares(accuracy: Accuracy) -> dict[str, float | None]:
    return {"top1": accuracy.top1, "top5": accuracy.top5}
