"""The two disjoint parts of the training images that a bi-level search learns on."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .config import SearchConfig
from .data import Batches, DataSet, Source, load, split


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
    wanted = config.data
    data = load(Source(wanted.name, wanted.folder, wanted.download, wanted.size, wanted.split_seed))
    parts = split(
        data.train.labels, (wanted.training, wanted.validation), wanted.split_seed, data.classes, _place(config)
    )
    halves = []
    for stream, part in zip(("training", "validation"), parts, strict=True):
        images = data.train.subset(part)
        images.check()
        halves.append(
            Batches(
                images,
                config.schedule.batch_size,
                seed=config.seed,
                stream=stream,
                mean=data.mean,
                std=data.std,
                padding=images.size // 8 if wanted.padding is None else wanted.padding,
                flip=data.flip if wanted.flip is None else wanted.flip,
                cutout=wanted.cutout,
                device=device,
            )
        )
    return Halves(data, *halves)


def _place(config: SearchConfig) -> str:
    return str(config.data.folder) if config.data.name == "imagefolder" else f"data set '{config.data.name}'"
