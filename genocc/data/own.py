"""What a run notes of the images that another package or a program gives: their form, and a digest of them.

Such images need not come from files, whose names and sizes would do; nothing but their pixels says that they changed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

import torch

from genocc.data.files import readable
from genocc.data.images import FileImages, Images, MemoryImages

if TYPE_CHECKING:
    from genocc.data.dataset import DataSet

_BLOCK = 1 << 24
"""Bytes of pixels that are copied at a time."""


def noted(data: DataSet) -> DataSet:
    """Returns a data set with its form, and with digests of its images where it has none of its own.

    Raises:
        DataError: A file of its images cannot be read.
    """
    rows, columns = data.train.size
    form = (
        f"images of {rows}x{columns} in {data.train.channels} channels, mean {_listed(data.mean)}, deviation "
        f"{_listed(data.std)}, {'mirrored' if data.flip else 'not mirrored'} in training"
    )
    digests = data.digests or _digests((data.train, data.test), len(data.classes))
    return replace(data, form=form, digests=digests)


def _digests(parts: Sequence[Images], classes: int) -> tuple[str, ...]:
    """Per class, of its images and of their places, by which images are held out; none where no part says them."""
    if not all(isinstance(part, (MemoryImages, FileImages)) for part in parts):
        return ()
    found = [sha256() for _ in range(classes)]
    for part in parts:
        content = _content(part)
        order = part.labels.argsort(stable=True)
        for one, places in zip(
            found, torch.split(order, part.labels.bincount(minlength=classes).tolist()), strict=True
        ):
            one.update(b"%d\n" % len(places) + places.numpy().tobytes())
            for some in torch.split(places, max(1, _BLOCK // (3 * part.size[0] * part.size[1]))):
                one.update(content(some))
    return tuple(one.hexdigest()[:16] for one in found)


def _content(part: Images) -> Callable[[torch.Tensor], bytes]:
    """Returns what reads images by their places: pixels in memory, else names and sizes of files."""
    if isinstance(part, MemoryImages):
        return lambda places: part.start(places, 0, False, None)().cpu().numpy().tobytes()
    assert isinstance(part, FileImages)
    paths = part.paths

    def names(places: torch.Tensor) -> bytes:
        text = b""
        for path in (paths[place] for place in places.tolist()):
            with readable(path):
                text += os.fsencode(path.name) + b"\0%d\n" % path.stat().st_size
        return text

    return names


def _listed(values: Sequence[float]) -> str:
    return " ".join(f"{value:g}" for value in values)
