"""What a run notes of the images that another package or a program gives: their form, and a digest of them.

Such images need not come from files, whose names and sizes would do; nothing but their pixels says that they changed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from hashlib import sha256

import torch

from genocc.data.files import readable
from genocc.data.images import FileImages, Images, MemoryImages

_BLOCK = 1 << 24
"""Bytes of pixels that are copied at a time."""


def form_of(images: Images, mean: Sequence[float], std: Sequence[float], flip: bool) -> str:
    """Returns how images are and are treated, in words that can be compared."""
    rows, columns = images.size
    return (
        f"images of {rows}x{columns} in {images.channels} channels, mean {_listed(mean)}, deviation {_listed(std)}, "
        f"{'mirrored' if flip else 'not mirrored'} in training"
    )


def digests_of(parts: Sequence[Images], classes: int) -> tuple[str, ...]:
    """Returns digests per class, of its images and their places, which say what is held out; none of unknown kinds.

    Raises:
        DataError: A file of the images cannot be read.
    """
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
