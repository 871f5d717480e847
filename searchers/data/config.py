"""Which images a run sees, and how they are augmented."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Part = Annotated[float, Field(gt=0)]
"""At most 1: a share of the images; more: a number of images."""


class DataConfig(BaseModel):
    """A data set and what a run takes of it.

    Attributes:
        name: ``digits``, ``cifar10``, ``cifar100``, ``imagefolder``, ``fake``, or a data set of another package.
        folder: Where its files are: the class folders of ``imagefolder``; elsewhere what `download` fills
            (``~/.cache/genocc/data`` where not given).
        download: Whether a missing data set may be fetched.
        size: Height and width of the images; they are resized where they differ.
        training: How much of the training images the weights are learned on (PC-DARTS, Section 4.1: half).
        validation: How much of them, disjoint from the former, the architecture is learned on.
        split_seed: Of the split into those two and, where a data set has none of its own, the test images.
        padding: How far the random crop may move the image; an eighth of the size where not given.
        flip: Whether to mirror images at random; where not given, as the data set says (digits: no).
        cutout: Side of the square that is blanked at random in each image (DeVries and Taylor, 2017); 0 for none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "digits"
    folder: Path | None = None
    download: bool = False
    size: int = Field(default=32, ge=4, le=1024)
    training: Part = 0.5
    validation: Part = 0.5
    split_seed: int = 0
    padding: int | None = Field(default=None, ge=0, le=512)
    flip: bool | None = None
    cutout: int = Field(default=0, ge=0, le=1024)

    @property
    def cache(self) -> Path:
        """The folder for files that are fetched."""
        return (self.folder or Path("~/.cache/genocc/data")).expanduser()
