"""Image files: found by class, decoded to one size, refused with the name of the file that is wrong."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from os import cpu_count
from pathlib import Path
from stat import S_ISREG
from typing import TypeVar
from unicodedata import normalize

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from genocc.data.rgb import read_rgb
from genocc.errors import DataError

Size = tuple[int, int]
"""Height and width."""
Box = Callable[[int, int], tuple[float, float, float, float]]
"""(width, height) -> (left, top, right, bottom), all in pixels: the part of an image that is taken."""

MAX_FILES = 4_000_000
SUFFIXES = frozenset(
    f".{name}"
    for name in "apng avif bmp dib gif jfif jp2 jpe jpeg jpg pbm pgm png pnm ppm tif tiff webp".split()  # noqa: SIM905
)
NO_IMAGES = frozenset(
    f".{name}"
    for name in "csv db htm html ini json log mat md npy npz pkl py tsv txt xml yaml yml zip".split()  # noqa: SIM905
)
"""Endings of what may stand beside images, as boxes and checksums do; files of all other endings may be images."""
BLOCK = 4096
"""Files that are given to the threads at a time: each is a job in memory, and perhaps a decoded image."""

_SAMPLED = 1 << 20
"""The most bytes of a file that are read for a sample."""

T = TypeVar("T")


def class_files(folder: Path, left_out: Counter[str] | None = None) -> dict[str, list[Path]]:
    """Returns class name -> image files, both in order; files at any depth below a class folder belong to it.

    Names are composed (Unicode NFC), so that a folder that macOS has written has the classes, and their order, of the
    same folder on another system.

    Args:
        folder: The folder of the class folders.
        left_out: As in `image_files`.

    Raises:
        DataError: The folder is missing or cannot be read, holds no class folders or too many files, or a class is
            empty, has a name that is not UTF-8, or one that another class has in other code points.
    """
    with readable(folder):
        if not folder.is_dir():
            found = "is a file" if folder.exists() else "no such folder; check the path"
            raise DataError(f"{folder}: {found}; expected a folder with a folder of images for each class")
        names = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not names:
        raise DataError(f"{folder}: no class folders in it; expected a folder of images for each class")
    if bad := [name for name in names if not is_utf8(name)]:
        raise DataError(f"{folder}: the name of class folder {os.fsencode(bad[0])!r} is not UTF-8; rename the folder")
    classes: dict[str, list[Path]] = {}
    count = 0
    for name, own in sorted((composed(own), own) for own in names):
        if name in classes:
            raise DataError(
                f"{folder}: two class folders look alike, {name!a} and {own!a} (composed and decomposed "
                "Unicode, as macOS writes it); merge them or rename one"
            )
        classes[name] = image_files(folder / own, MAX_FILES - count, left_out)
        count += len(classes[name])
    return classes


def composed(name: str) -> str:
    """Returns a name with its accents composed (Unicode NFC): macOS writes those of files apart from their letters."""
    return normalize("NFC", name)


def image_files(folder: Path, most: int = MAX_FILES, left_out: Counter[str] | None = None) -> list[Path]:
    """Returns the image files below a class folder in order.

    Args:
        folder: The class folder.
        most: The most files.
        left_out: Counts, by their ending, the files that may be images and are not read.

    Raises:
        DataError: There are none, or more than ``most``; or a folder or a file cannot be read.
    """
    files: list[Path] = []
    others: Counter[str] = Counter()
    for path in _below(folder):
        if path.name.startswith("."):
            continue
        ending = path.suffix.lower()
        if ending not in SUFFIXES:
            others[ending] += ending not in NO_IMAGES
        else:
            with readable(path):
                if not S_ISREG(path.stat().st_mode):
                    continue
            if len(files) == most:
                raise DataError(f"{folder}: one image too many; expected at most {MAX_FILES:,} in all classes")
            files.append(path)
    if not files:
        endings = ", ".join(sorted(SUFFIXES))
        found = f" (found {listed_endings(others)})" if others.total() else ""
        raise DataError(f"{folder}: no image files in this class folder{found}; expected files that end in {endings}")
    if left_out is not None:
        left_out.update(others)
    return sorted(files)


def listed_endings(counts: Counter[str]) -> str:
    """Returns endings with the number of their files, the most frequent first: ``3 .heic, 1 without an ending``."""
    common = [(ending, count) for ending, count in counts.most_common() if count]
    listed = [f"{count:,} {ending[:20] or 'without an ending'}" for ending, count in common[:5]]
    rest = sum(count for _, count in common[5:])
    return ", ".join([*listed, *([f"{rest:,} others"] if rest else [])])


def digest(files: Iterable[Path], folder: Path) -> str:
    """Returns a digest of the names of files below a folder and of their sizes in bytes; raises DataError."""
    found = sha256()
    for path in files:
        with readable(path):
            found.update(os.fsencode(path.relative_to(folder)) + b"\0%d\n" % path.stat().st_size)
    return found.hexdigest()[:16]


def sample(files: Sequence[Path]) -> str:
    """Returns a digest of the content of the first file, the middle one and the last one; raises DataError.

    Few are read, so that it costs little: files that all have one size, as those of uncompressed formats, are told from
    those of another class, or from the same images made anew, not from a set in which few images were replaced.
    """
    found = sha256()
    for place in sorted({0, len(files) // 2, len(files) - 1}) if files else ():
        with readable(files[place]), open(files[place], "rb") as stream:
            found.update(sha256(stream.read(_SAMPLED)).digest())
    return found.hexdigest()[:16]


def decode(path: Path, size: Size, box: Box | None = None, mirrored: bool = False) -> Tensor:
    """Returns one image as RGB.

    Args:
        path: The file.
        size: Height and width of the result.
        box: The part of the image to take; the largest of the result's shape in its middle where not given.
        mirrored: Whether to swap left and right.

    Returns:
        (height, width, 3) uint8.

    Raises:
        DataError: The file is not an image, is cut short, or has too many pixels.
    """
    return fitted(read_rgb(path), size, box, mirrored)


def fitted(rgb: Image.Image, size: Size, box: Box | None = None, mirrored: bool = False) -> Tensor:
    """Returns part of an image in the size that is wanted; see `decode`."""
    height, width = size
    if rgb.size != (width, height) or box:
        part = box(rgb.width, rgb.height) if box else _middle(rgb.width, rgb.height, size)
        rgb = rgb.resize((width, height), Image.Resampling.BILINEAR, box=part)
    pixels = np.array(rgb)
    return torch.from_numpy(pixels[:, ::-1].copy() if mirrored else pixels)


def decode_all(paths: Sequence[Path], size: Size) -> tuple[Tensor, Tensor]:
    """Returns all images, (N, height, width, 3) uint8, and their own heights and widths, (N, 2) int32.

    Raises:
        DataError: As `decode`.
    """
    height, width = size
    pixels = torch.empty(len(paths), height, width, 3, dtype=torch.uint8)
    sides = torch.empty(len(paths), 2, dtype=torch.int32)

    def job(path: Path) -> tuple[Tensor, Size]:
        rgb = read_rgb(path)
        return fitted(rgb, size), (rgb.height, rgb.width)

    for number, (image, own) in enumerate(_in_threads(job, paths)):
        pixels[number] = image
        sides[number] = torch.tensor(own)
    return pixels, sides


def check_all(paths: Sequence[Path]) -> None:
    """Decodes every file once, coarsely, so that a broken one is found before training; raises DataError."""
    for _ in _in_threads(lambda path: read_rgb(path, coarse=True), paths):
        pass


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turns what the file system says in the context into a DataError that names the path."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{error.filename or path}: cannot be read: {error.strerror}") from None
    except ValueError as error:  # a NUL byte in the path
        raise DataError(f"{path}: cannot be read: {error}") from None


def is_utf8(name: str) -> bool:
    """Whether a name from the file system, or from the command line, is UTF-8 there."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _below(folder: Path) -> Iterator[Path]:
    """Every file below a folder; those in hidden folders (copies that programs keep) are not, linked folders once.

    Raises:
        DataError: A folder cannot be read, or links to one above it, whose files would belong to two classes.
    """

    def failed(error: OSError) -> None:
        raise error

    with readable(folder):
        top, seen = Path(os.path.realpath(folder)), set[tuple[int, int]]()
        for place, folders, names in os.walk(folder, onerror=failed, followlinks=True):
            parent = Path(place)
            status = parent.stat()
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            if (known := (status.st_dev, status.st_ino)) in seen:
                folders.clear()
                continue
            seen.add(known)
            for name in folders:
                if (parent / name).is_symlink() and top.is_relative_to(os.path.realpath(parent / name)):
                    raise DataError(f"{parent / name}: links to a folder above it; remove the link")
            yield from (parent / name for name in names)


def _in_threads(job: Callable[[Path], T], paths: Sequence[Path]) -> Iterator[T]:
    with ThreadPoolExecutor(cpu_count()) as pool:
        for first in range(0, len(paths), BLOCK):
            yield from pool.map(job, paths[first : first + BLOCK])


def middle(size: Size, share: float) -> Box:
    """Returns the box of the middle of an image, of the shape of a result, with a share of its largest sides.

    To resize that part is to resize the image until the result has ``share`` of its shorter side, and to crop the
    centre; in one interpolation, and to rounding.

    Args:
        size: Height and width of the result.
        share: Up to 1, which takes as much as fits.
    """
    return lambda width, height: _middle(width, height, size, share)


def _middle(width: int, height: int, size: Size, share: float = 1.0) -> tuple[float, float, float, float]:
    rows, columns = size
    w, h = (height * columns / rows, height) if width * rows >= height * columns else (width, width * rows / columns)
    w, h = w * share, h * share
    left, top = (width - w) / 2, (height - h) / 2
    return left, top, left + w, top + h
