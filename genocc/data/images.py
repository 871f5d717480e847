"""Labelled images, in memory as uint8 or in files that are decoded when a batch needs them.

A batch is started and collected in two steps, so that files are decoded while the device computes. Its augmentation is
drawn when it is started, from the given generator, and so does not depend on the order in which files are decoded.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path
from typing import Self

import torch
from torch import Generator, Tensor

from genocc.data.files import Box, Size, check_all, decode
from genocc.errors import DataError

MAX_BYTES = 8 << 30
"""The most bytes of images that are held in memory."""
WHOLE = slice(None)
"""Slice of all images of a batch."""


class Images(ABC):
    """Images of one size with their labels.

    Attributes:
        labels: (N,) int64.
        size: Height and width.
        channels: Of every image.
        ahead: Number of batches that are worth starting before they are needed.
    """

    labels: Tensor
    size: Size
    channels: int = 3
    ahead: int = 0

    def __len__(self) -> int:
        return len(self.labels)

    @abstractmethod
    def start(
        self, indices: Tensor, padding: int, flip: bool, generator: Generator | None, share: slice = WHOLE
    ) -> Callable[[], Tensor]:
        """Starts a batch and returns the function that waits for it.

        Args:
            indices: (B,) positions among the images.
            padding: How far a random crop moves, in pixels.
            flip: Whether half of the images are mirrored.
            generator: Of the augmentation, on the CPU; None for no augmentation.
            share: The images of the batch that are wanted. Augmentation is drawn for the whole batch, so that
                processes that share a batch see the same images as one process.

        Returns:
            A function without arguments that returns the share's pixels (B, H, W, C), uint8, on the images' device.
        """

    @abstractmethod
    def to(self, device: torch.device) -> Images:
        """Returns the images, moved to a device where they fit."""

    @abstractmethod
    def check(self) -> None:
        """Checks that every image can be decoded; raises DataError, which names the broken file."""

    @abstractmethod
    def subset(self, indices: Tensor) -> Self:
        """Returns some of the images, in the order of ``indices``."""


class MemoryImages(Images):
    """Images in memory; a batch is one gather that crops and mirrors on the way.

    Args:
        pixels: (N, H, W, C) uint8.
        labels: Class numbers of the images that are used.
        which: Their positions among ``pixels``, which subsets share; all where not given.
    """

    def __init__(self, pixels: Tensor, labels: Tensor, which: Tensor | None = None) -> None:
        self._shared, self._which, self.labels = pixels, which, labels.cpu().long()
        self.size, self.channels = (pixels.shape[1], pixels.shape[2]), pixels.shape[3]

    @property
    def pixels(self) -> Tensor:
        """(N, H, W, C) uint8; of a subset, a copy."""
        return self._shared if self._which is None else self._shared[self._which]

    def start(
        self, indices: Tensor, padding: int, flip: bool, generator: Generator | None, share: slice = WHOLE
    ) -> Callable[[], Tensor]:
        device = self._shared.device
        which = indices[share] if self._which is None else self._which[indices[share]]
        which = which.to(device, non_blocking=True)
        if generator is None:
            plain = self._shared[which]
            return lambda: plain
        height, width = self.size
        shift = torch.randint(-padding, padding + 1, (2, len(indices), 1), generator=generator)[:, share]
        mirrored = torch.rand(len(indices), 1, generator=generator) < (0.5 if flip else 0.0)
        mirrored = mirrored[share]
        rows, columns = torch.arange(height) + shift[0], torch.arange(width) + shift[1]
        columns = torch.where(mirrored, width - 1 - columns, columns)
        inside = _inside(rows, height)[:, :, None] & _inside(columns, width)[:, None, :]
        rows = rows.clamp(0, height - 1).to(device, non_blocking=True)
        columns = columns.clamp(0, width - 1).to(device, non_blocking=True)
        pixels = self._shared[which[:, None, None], rows[:, :, None], columns[:, None, :]]
        cropped = pixels * inside.to(device, non_blocking=True)[..., None]
        return lambda: cropped

    def to(self, device: torch.device) -> MemoryImages:
        if device == self._shared.device:
            return self
        needed = len(self) * self._shared[0].nbytes
        crowded = device.type == "cuda" and needed * 8 > torch.cuda.mem_get_info(device)[0]
        return self if crowded else MemoryImages(self.pixels.to(device), self.labels)

    def check(self) -> None:
        pass  # they have been decoded

    def subset(self, indices: Tensor) -> Self:
        which = indices if self._which is None else self._which[indices]
        return type(self)(self._shared, self.labels[indices], which)


class FileImages(Images):
    """Images in files: random resized crops (area 0.08 to 1, aspect 3/4 to 4/3 of the result's), decoded by threads.

    Args:
        paths: One file per image.
        labels: (N,) class numbers.
        size: Height and width to which each crop is resized.
        box: The part that is taken without augmentation; as much of the middle as fits where not given.
    """

    ahead = 2

    def __init__(self, paths: Sequence[Path], labels: Tensor, size: Size, box: Box | None = None) -> None:
        self.paths, self.labels, self.size, self.box = list(paths), labels, size, box
        self._pool = ThreadPoolExecutor(cpu_count())

    def start(
        self, indices: Tensor, padding: int, flip: bool, generator: Generator | None, share: slice = WHOLE
    ) -> Callable[[], Tensor]:
        paths = [self.paths[index] for index in indices[share].tolist()]
        if generator is None:
            jobs = [self._pool.submit(decode, path, self.size, self.box) for path in paths]
        else:
            drawn = torch.rand(len(indices), _TRIES, 4, generator=generator)[share].tolist()
            mirrored = (torch.rand(len(indices), generator=generator) < (0.5 if flip else 0.0))[share].tolist()
            aspect = self.size[1] / self.size[0]
            jobs = [
                self._pool.submit(decode, path, self.size, _resized_crop(tries, aspect), mirror)
                for path, tries, mirror in zip(paths, drawn, mirrored, strict=True)
            ]
        return lambda: torch.stack([job.result() for job in jobs])

    def to(self, device: torch.device) -> FileImages:
        return self

    def check(self) -> None:
        check_all(self.paths)

    def subset(self, indices: Tensor) -> Self:
        paths = [self.paths[index] for index in indices.tolist()]
        return type(self)(paths, self.labels[indices], self.size, self.box)


def check_memory(count: int, size: Size, channels: int = 3) -> None:
    """Refuses images of all parts together that would not fit, before any is loaded; raises DataError."""
    height, width = size
    if (needed := count * height * width * channels) > MAX_BYTES:
        raise DataError(
            f"{count:,} images of {height}x{width} take {needed / 2**30:.1f} GiB of memory; expected at most "
            f"{MAX_BYTES >> 30} GiB: choose a smaller size or fewer images"
        )


_TRIES = 10


def _inside(position: Tensor, size: int) -> Tensor:
    return (position >= 0) & (position < size)


def _resized_crop(tries: Sequence[Sequence[float]], aspect: float = 1.0) -> Box:
    """Inception's crop: the first try that fits into the image, else the largest central one in the aspect range.

    Source: Szegedy et al., Going deeper with convolutions, Section 6, with torchvision's limits, which are for square
    results; for others they are multiplied by the result's width over its height.
    """

    def box(width: int, height: int) -> tuple[float, float, float, float]:
        for area_share, ratio_share, x, y in tries:
            area = width * height * (0.08 + 0.92 * area_share)
            ratio = math.exp((2 * ratio_share - 1) * math.log(4 / 3)) * aspect
            w, h = math.sqrt(area * ratio), math.sqrt(area / ratio)
            if w <= width and h <= height:
                left, top = x * (width - w), y * (height - h)
                return left, top, left + w, top + h
        w, h = min(width, height * 4 * aspect / 3), min(height, width * 4 / (3 * aspect))
        return (width - w) / 2, (height - h) / 2, (width + w) / 2, (height + h) / 2

    return box
