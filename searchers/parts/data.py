"""Data: the two disjoint halves of the training images, one for the weights, one for the architecture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from genocc.configuration import ImageCount
from genocc.data import Batches, DataSet, split
from genocc.data.settings import ImagesConfig, augmented, load_data, place
from genocc.runs.processes import ALONE, Processes


class DataConfig(ImagesConfig):
    """Which images, how they are augmented, and how they are divided between weights and architecture.

    Attributes:
        training: Images that w is learned on: a share up to 1, or a number (half; on ImageNet 10%: PC-DARTS 4.3;
            eDARTS IV-B: 2,500).
        validation: The same for alpha, disjoint from the former (half; on ImageNet 2.5%: PC-DARTS 4.3, EC-DARTS 5.5;
            10%: EnTranNAS, Appendix A.1; eDARTS 2,500).
    """

    training: ImageCount = 0.5
    validation: ImageCount = 0.5


@dataclass(frozen=True)
class Halves:
    """The images that w and the architecture are learned on.

    Attributes:
        data: The data set; its test part stays out of the search.
        training: For w.
        validation: For the architecture.
    """

    data: DataSet
    training: Batches
    validation: Batches


def load_halves(
    wanted: DataConfig,
    batch_size: int,
    seed: int,
    device: torch.device,
    data: DataSet | None = None,
    processes: Processes = ALONE,
) -> Halves:
    """Returns the halves, their images checked.

    Args:
        wanted: Which images, and how they are divided.
        batch_size: Images per batch.
        seed: Of order and augmentation.
        device: Where the batches will be.
        data: The data set, if it has been loaded.
        processes: Those that share each batch.

    Raises:
        ConfigError: The batches of a half do not divide among the processes.
        DataError: The data set is unknown, absent or broken, or a class has too few images for both halves.
    """
    data = data or load_data(wanted)
    shares = (wanted.training, wanted.validation)
    parts = split(data.train.labels, shares, wanted.split_seed, data.classes, place(wanted))

    def half(stream: str, part: Tensor) -> Batches:
        images, share = data.train.subset(part), processes.share(min(batch_size, len(part)))
        arguments: dict[str, Any] = {"seed": seed, "stream": stream, "device": device}
        return augmented(images, data, wanted, batch_size, share=share, **arguments)

    training, validation = (half(*found) for found in zip(("training", "validation"), parts, strict=True))
    return Halves(data, training, validation)
