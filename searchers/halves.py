"""The two disjoint parts of the training images that a bi-level search learns on."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .config import SearchConfig
from .data import Batches, DataSet, split
from .images import augmented, load_data, place


@dataclass(frozen=True)
class Halves:
    """What w and what the architecture sees.

    Attributes:
        data: The data set; its test part stays out of the search.
        training: For w.
        validation: For the architecture.
    """

    data: DataSet
    training: Batches
    validation: Batches


def load_halves(config: SearchConfig, device: torch.device) -> Halves:
    """Returns the halves, their images checked.

    Raises:
        DataError: The data set is unknown, absent or broken, or a class has too few images for both halves.
    """
    wanted, data = config.data, load_data(config.data)
    shares = (wanted.training, wanted.validation)
    parts = split(data.train.labels, shares, wanted.split_seed, data.classes, place(wanted))
    training, validation = (
        augmented(
            data.train.subset(part),
            data,
            wanted,
            config.schedule.batch_size,
            seed=config.seed,
            stream=stream,
            device=device,
        )
        for stream, part in zip(("training", "validation"), parts, strict=True)
    )
    return Halves(data, training, validation)
