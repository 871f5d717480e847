"""From a configuration's images to a data set, and to batches of a part of it."""

from __future__ import annotations

import torch

from .data import Batches, DataSet, Images, Source, load
from .data.images import WHOLE
from .parts import ImagesConfig


def load_data(wanted: ImagesConfig) -> DataSet:
    """Returns the data set; raises DataError where it is unknown, absent or broken."""
    return load(Source(wanted.name, wanted.folder, wanted.download, wanted.size, wanted.split_seed))


def augmented(
    images: Images,
    data: DataSet,
    wanted: ImagesConfig,
    batch_size: int,
    *,
    seed: int,
    stream: str,
    device: torch.device,
    share: slice = WHOLE,
) -> Batches:
    """Returns a part of a data set as batches, its images checked.

    Args:
        images: The part.
        data: What it is a part of.
        wanted: How images are augmented.
        batch_size: Images a batch.
        seed: Of order and augmentation.
        stream: Sets this stream apart from others of the same seed.
        device: Where batches are wanted.
        share: Which images of each batch are wanted.

    Raises:
        DataError: An image cannot be decoded.
    """
    images.check()
    return Batches(
        images,
        batch_size,
        seed=seed,
        stream=stream,
        mean=data.mean,
        std=data.std,
        padding=images.size // 8 if wanted.padding is None else wanted.padding,
        flip=data.flip if wanted.flip is None else wanted.flip,
        cutout=wanted.cutout,
        device=device,
        share=share,
    )


def place(wanted: ImagesConfig) -> str:
    """Returns the data set's name for messages."""
    return str(wanted.folder) if wanted.name == "imagefolder" else f"data set '{wanted.name}'"
