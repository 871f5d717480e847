"""Settings of the images; from there to a data set, and to batches of a part of it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from genocc import arguments
from genocc.configuration import Part, Seed
from genocc.data import Batches, DataRequest, DataSet, Images, datasets, load
from genocc.data.dataset import BUILT_IN, expanded
from genocc.data.files import is_utf8
from genocc.data.images import WHOLE
from genocc.errors import DataError

SMALLEST, LARGEST = 4, 1024
"""Limits of the height and of the width of images."""


def _size(value: object) -> object:
    """One number for a square, else height and width; from numbers, or from text such as 64x300."""
    sides: Any = value
    if isinstance(value, str) and (match := re.fullmatch(r"([0-9]{1,9})(?:x([0-9]{1,9}))?", value)):
        sides = [int(side) for side in match.groups() if side]
    sides = [sides] if isinstance(sides, int) else sides
    whole = isinstance(sides, (list, tuple)) and all(type(side) is int for side in sides)
    if not (whole and 1 <= len(sides) <= 2 and all(SMALLEST <= side <= LARGEST for side in sides)):
        raise PydanticCustomError(
            "size", f"expected a height and width such as 64x300, or one number, each from {SMALLEST} to {LARGEST}"
        )
    return sides[0] if sides[0] == sides[-1] else tuple(sides)


def _is_text(folder: Path) -> Path:
    if not is_utf8(str(folder)):
        raise PydanticCustomError("folder", "expected a path in UTF-8: rename the folder")
    return folder


ImageSize = Annotated[int | tuple[int, int], BeforeValidator(_size)]
"""One number for a square, else height and width."""


CenterCrop = Annotated[float, Field(gt=0, le=1)]
"""Share of a side."""


class ImagesConfig(Part):
    """Which images, and how they are augmented.

    Attributes:
        name: ``digits``, ``cifar10``, ``cifar100``, ``imagefolder``, ``fake``, or a data set of another package.
        folder: Where its files are.
        download: Whether a missing data set may be fetched.
        size: Height and width that images are resized to, such as 64x300, or one number for both; None: as the data
            set has them.
        split_seed: Seed of every random division of the images.
        padding: How far the random crop may move an image; None: an eighth of its shorter side.
        flip: Whether images are mirrored at random; None: as the data set says (digits: no).
        cutout: Side of the square that is blanked at random; 0: none.
        center_crop: Share of the side of an image's middle that accuracies are measured on: 0.875 takes the central
            224x224 of 256x256, as the public programs do on ImageNet (DARTS, PC-DARTS), and the same ratio at other
            sizes. None: the whole middle. It is for image folders at more than 96x96 pixels, which are trained on in
            random resized crops; other images are taken whole.
    """

    name: str = "digits"
    folder: Annotated[Path, AfterValidator(_is_text)] | None = None
    download: bool = False
    size: ImageSize | None = None
    split_seed: Seed = 0
    padding: int | None = Field(default=None, ge=0, le=512)
    flip: bool | None = None
    cutout: int = Field(default=0, ge=0, le=1024)
    center_crop: CenterCrop | None = None


def load_data(wanted: ImagesConfig, *, resume: bool = False) -> DataSet:
    """Returns the data set; raises DataError where it is unknown, absent or broken.

    Args:
        wanted: Which.
        resume: Whether a run goes on with it, whose data may have moved meanwhile.
    """
    try:
        return load(
            DataRequest(wanted.name, wanted.folder, wanted.download, wanted.size, wanted.split_seed, wanted.center_crop)
        )
    except DataError as error:
        if resume and wanted.folder and not _is_folder(str(expanded(wanted.folder))):
            raise DataError(f"{error}; if the images have moved, name their place: --resume --data ...") from None
        raise


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
        batch_size: Images per batch.
        seed: Of order and augmentation.
        stream: Name of the stream of random numbers, which differ between streams of the same seed.
        device: Where batches are wanted.
        share: The images of each batch that one of several processes takes.

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
        padding=min(images.size) // 8 if wanted.padding is None else wanted.padding,
        flip=data.flip if wanted.flip is None else wanted.flip,
        cutout=wanted.cutout,
        device=device,
        share=share,
    )


def default_preset(fields: Mapping[str, Any], papers: str) -> str:
    """Returns the preset where none is given: ``quick`` for built-in data, else the one with the papers' settings.

    Args:
        fields: Given fields of an `ImagesConfig`.
        papers: Preset with the papers' settings.
    """
    return "quick" if fields.get("name", ImagesConfig().name) in BUILT_IN else papers


def place(wanted: ImagesConfig) -> str:
    """Returns the data set's name for messages."""
    return str(wanted.folder) if wanted.name == "imagefolder" else f"data set '{wanted.name}'"


def data_fields(text: str | PathLike[str] | None) -> dict[str, Any]:
    """Returns the fields ``name`` and ``folder`` of ``--data``: NAME, NAME:FOLDER, or the folder of an image folder."""
    if text is None:
        return {}
    if not isinstance(text, str):
        return {"name": "imagefolder", "folder": str(arguments.path(text, "data", "a data set's name, or a folder"))}
    name, colon, folder = text.partition(":")
    known = name in datasets()
    if not text or (known and colon and not folder):
        raise DataError(f"--data: found '{text}'; expected a data set, NAME:FOLDER, or a folder of class folders")
    if known:
        return {"name": name, "folder": folder} if colon else {"name": name}
    if "/" in text or os.sep in text or _is_folder(text):
        return {"name": "imagefolder", "folder": text}
    return {"name": text}


def _is_folder(text: str) -> bool:
    try:
        return Path(text).is_dir()
    except (OSError, ValueError):  # too long for a name, a NUL byte
        return False
