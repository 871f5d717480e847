"""Settings of a training, part by part: every number of the papers is a field with its source."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

import torch
from pydantic import Field, PositiveInt, model_validator
from torch.nn import Parameter

from genocc.configuration import Epochs, ImageCount, Part, Rate, refuse
from genocc.data.settings import ImagesConfig
from genocc.network import NetworkConfig, SkeletonName
from genocc.training.optimization import SgdConfig


class TargetConfig(Part):
    """The network around the cells; image sizes and the number of classes come from the data.

    Attributes:
        skeleton: ``cifar``, ``imagenet`` or ``nas-bench-201``, which has no auxiliary head.
        channels: C of the first cells (CIFAR 36, ImageNet 48: EnTranNAS 4.2, 4.3; shallow 16: eDARTS IV-A).
        layers: Number of cells (CIFAR 20, ImageNet 14: EnTranNAS 4.2, 4.3; shallow 5: eDARTS IV-A).
        stem_stride: How much the stem shrinks the image; None: the skeleton's default.
        auxiliary: Whether training has the auxiliary head (CIFAR and ImageNet: EnTranNAS 4.2, 4.3; not shallow:
            eDARTS IV-A).
        auxiliary_bn: Whether BN follows its 2x2 convolution; None: the skeleton's default.
    """

    skeleton: SkeletonName = "cifar"
    channels: PositiveInt = 36
    layers: PositiveInt = 20
    stem_stride: int | None = None
    auxiliary: bool = True
    auxiliary_bn: bool | None = None

    def network(self, **sizes: Any) -> NetworkConfig:
        """Returns the whole network's configuration; ``sizes`` are classes, input_size and input_channels."""
        return NetworkConfig.make(**self.model_dump(), **sizes)


class TrainingScheduleConfig(Part):
    """Epochs, batch size, and the decay of the learning rate.

    Attributes:
        epochs: CIFAR 600, ImageNet 250 (EnTranNAS 4.2, 4.3); shallow 100 (eDARTS IV-A).
        batch_size: Images per step, of all processes together (CIFAR 96, ImageNet 1,024: EnTranNAS 4.2, 4.3; shallow
            64: eDARTS IV-A).
        decay: ``cosine`` (EnTranNAS 4.2) or ``linear`` (4.3), from ``learning_rate`` to ``learning_rate_end``.
        warmup: Epochs in which the learning rate is multiplied by a factor that rises linearly to 1 (ImageNet 5:
            PC-DARTS 4.3); the decay goes on meanwhile, as in the PC-DARTS program.
        update: When the learning rate changes: each ``epoch``, as in the DARTS program, or each ``step``, which suits
            trainings of a few epochs.
    """

    epochs: Epochs = 600
    batch_size: int = Field(default=96, ge=2)
    decay: Literal["cosine", "linear"] = "cosine"
    warmup: int = Field(default=0, ge=0)
    update: Literal["epoch", "step"] = "epoch"

    @model_validator(mode="after")
    def _room(self) -> Self:
        if self.warmup > self.epochs:
            refuse(
                f"schedule.warmup={self.warmup} with schedule.epochs={self.epochs}: the learning rate would not come "
                "to its height; choose fewer epochs of warm-up"
            )
        return self


class OptimizerConfig(SgdConfig):
    """SGD with momentum.

    Attributes:
        learning_rate: The highest (CIFAR 0.025, ImageNet 0.5: EnTranNAS 4.2, 4.3; shallow 0.025: eDARTS IV-A).
        learning_rate_end: At the end: 0 in all papers.
        momentum: 0.9 in all papers.
        weight_decay: 3e-4; ImageNet 3e-5 (EnTranNAS 4.2, 4.3).
        clip: Largest norm of the gradient: 5 (EnTranNAS 4.2, EC-DARTS 5.3, eDARTS IV-A). None: it is not clipped
            (NAS-Bench-201: its program).
        nesterov: Whether the momentum is Nesterov's (NAS-Bench-201, Table 1).
    """

    nesterov: bool = False

    @model_validator(mode="after")
    def _momentum(self) -> Self:
        if self.nesterov and not self.momentum:
            refuse("optimizer.nesterov=true with optimizer.momentum=0: there is none to look ahead with; leave one out")
        return self

    def optimizer(self, parameters: Iterable[Parameter]) -> torch.optim.SGD:
        made = super().optimizer(parameters)
        for group in made.param_groups:
            group["nesterov"] = self.nesterov
        return made


class RegularizationConfig(Part):
    """Regularization besides weight decay; cutout is in ``data``.

    Attributes:
        drop_path: Probability of dropping an edge for an image, at the end; it rises linearly with the epochs (CIFAR
            0.2: EnTranNAS 4.2; PC-DARTS 4.2 has 0.3; shallow 0.2: eDARTS IV-A; ImageNet 0).
        label_smoothing: Share of the label that is spread over all classes (ImageNet: EnTranNAS 4.3, PC-DARTS 4.3;
            0.1 from the DARTS program).
        auxiliary_weight: Factor of the auxiliary head's loss (from the DARTS program: 0.4).
    """

    drop_path: Annotated[float, Field(ge=0, lt=1)] = 0.2
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    auxiliary_weight: Rate = 0.4


class AverageConfig(Part):
    """A moving average of the weights; none of the papers has one.

    Attributes:
        decay: Share of the average that a step keeps; None: no average. With an average, the history has the accuracy
            of both, and best.safetensors and last.safetensors hold the averaged weights.
    """

    decay: Annotated[float, Field(gt=0, lt=1)] | None = None


class ComputeConfig(Part):
    """Precision, memory layout and compilation.

    Attributes:
        precision: ``float32``; ``bfloat16`` or ``float16`` (CUDA only, with loss scaling) for features by PyTorch's
            autocast, weights staying float32; ``float64`` to check something.
        channels_last: Whether features have channels last in memory (NHWC), which is faster nearly everywhere.
        compile: Whether to use `torch.compile`: faster steps after a minute or more of compiling.
    """

    precision: Literal["float32", "bfloat16", "float16", "float64"] = "float32"
    channels_last: bool = True
    compile: bool = False


class DistributedConfig(Part):
    """Training in several processes (`torchrun`).

    Attributes:
        sync_batch_norm: Whether BN takes its statistics over the whole batch, so that several processes compute what
            one does; otherwise over each process's images, as the papers' programs do on several GPUs.
    """

    sync_batch_norm: bool = False


class OutputConfig(Part):
    """Files besides those of every run folder.

    Attributes:
        tensorboard: Whether the history is written as TensorBoard events too, in RUN/tensorboard.
    """

    tensorboard: bool = False


class TrainingImagesConfig(ImagesConfig):
    """Which images, and how they are augmented. Cutout: 16 on CIFAR (EnTranNAS 4.2), none for shallow (eDARTS IV-A).

    Attributes:
        training: Training images to train on: a share up to 1, or a number; all in all papers.
        validation: Training images that are held out, and choose the best epoch: a share, or a number. Each class has
            its proportion of them; ``split_seed`` says which. Test images are then looked at once, at the end, with
            the weights of that epoch. None: each epoch is measured on the test images, as in the papers' programs.
    """

    training: ImageCount = 1.0
    validation: ImageCount | None = None

    @property
    def measured(self) -> str:
        """Name of the part that each epoch is measured on: ``validation`` or ``test``."""
        return "test" if self.validation is None else "validation"
