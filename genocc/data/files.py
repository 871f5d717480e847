"""Image files: found by class, decoded with limits, refused with the name of the file that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from os import cpu_count
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from genocc.errors import DataError

Box = Callable[[int, int], tuple[float, float, float, float]]
"""(width, height) -> (left, top, right, bottom), all in pixels: the part of an image that is taken."""

MAX_PIXELS = 1 << 26
MAX_FILES = 4_000_000
SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"))


def class_files(folder: Path) -> dict[str, list[Path]]:
    """Returns class name -> image files, both in order; files at any depth below a class folder belong to it.

    Raises:
        DataError: The folder is missing, holds no class folders or too many files, or a class is empty.
    """
    if not folder.is_dir():
        found = "is a file" if folder.exists() else "no such folder; check the path"
        raise DataError(f"{folder}: {found}; expected a folder with a folder of images for each class")
    names = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not names:
        raise DataError(f"{folder}: no class folders in it; expected a folder of images for each class")
    classes = {name: image_files(folder / name) for name in names}
    if (count := sum(map(len, classes.values()))) > MAX_FILES:
        raise DataError(f"{folder}: {count:,} images; expected at most {MAX_FILES:,}")
    return classes


def image_files(folder: Path) -> list[Path]:
    """Returns the image files below a class folder in order; raises DataError where there is none."""
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )
    if not files:
        endings = ", ".join(sorted(SUFFIXES))
        raise DataError(f"{folder}: no image files in this class folder; expected files that end in {endings}")
    return files


def decode(path: Path, size: int, box: Box | None = None, mirrored: bool = False) -> Tensor:
    """Returns one image as RGB.

    Args:
        path: The file.
        size: Height and width of the result.
        box: The part of the image to take; the largest square in its middle where not given.
        mirrored: Whether to swap left and right.

    Returns:
        (size, size, 3) uint8.

    Raises:
        DataError: The file is not an image, is cut short, or has too many pixels.
    """
    with _explained(path), Image.open(path) as image:
        if image.width * image.height > MAX_PIXELS:
            raise DataError(f"{path}: {image.width}x{image.height}; expected at most {MAX_PIXELS:,} pixels")
        rgb = image.convert("RGB")
    part = box(rgb.width, rgb.height) if box else _middle(rgb.width, rgb.height)
    if rgb.size != (size, size) or box:
        rgb = rgb.resize((size, size), Image.Resampling.BILINEAR, box=part)
    pixels = np.array(rgb)
    return torch.from_numpy(pixels[:, ::-1].copy() if mirrored else pixels)


def image_size(path: Path) -> tuple[int, int]:
    """Returns the height and width of an image file; raises DataError as `decode`."""
    with _explained(path), Image.open(path) as image:
        return image.height, image.width


def decode_all(paths: Sequence[Path], size: int) -> Tensor:
    """Returns all images, (N, size, size, 3) uint8, decoded by threads; raises DataError as `decode`."""
    pixels = torch.empty(len(paths), size, size, 3, dtype=torch.uint8)
    with ThreadPoolExecutor(cpu_count()) as pool:
        for number, image in enumerate(pool.map(lambda path: decode(path, size), paths)):
            pixels[number] = image
    return pixels


def check_all(paths: Sequence[Path]) -> None:
    """Decodes every file once, coarsely, so that a broken one is found before training; raises DataError."""
    with ThreadPoolExecutor(cpu_count()) as pool:
        for _ in pool.map(_check, paths):
            pass


def _check(path: Path) -> None:
    with _explained(path), Image.open(path) as image:
        image.draft("RGB", (1, 1))  # an eighth of a JPEG's resolution: reads the whole file at a fraction of the cost
        image.load()


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # what decoders raise on broken files has no common class below this
        raise DataError(f"{path}: not an image that can be decoded: {error}; replace or remove the file") from None


def _middle(width: int, height: int) -> tuple[float, float, float, float]:
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side
