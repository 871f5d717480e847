"""Disjoint parts of a set of labelled images, each with every class in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from genocc.errors import DataError


def split(labels: Tensor, parts: Sequence[float], seed: int, classes: Sequence[str], where: str) -> list[Tensor]:
    """Returns disjoint random parts, stratified: each with every class, in the proportions of the whole.

    Args:
        labels: (N,) class numbers.
        parts: Per part, a share of the images (at most 1) or their number.
        seed: Of the choice.
        classes: Names, for messages.
        where: The data set, for messages.

    Returns:
        Per part, the positions of its images in increasing order.

    Raises:
        DataError: A class has fewer images than there are parts, or the parts need more images than there are.
    """
    of_class = _shuffled(labels.numpy(), len(classes), seed)
    available = np.array([len(members) for members in of_class])
    for name, count in zip(classes, available, strict=True):
        if count < len(parts):
            raise DataError(
                f"{where}: class '{name}' has {_images(count)}; expected at least {len(parts)}, one for each part of "
                "the split"
            )
    wanted = [max(round(part * len(labels)), len(classes)) if part <= 1 else round(part) for part in parts]
    if sum(wanted) > len(labels) + len(parts) - 1:  # shares are rounded
        listed = " + ".join(f"{count:,}" for count in wanted)
        raise DataError(f"{where}: {listed} images are asked for; the data set has {len(labels):,}")
    used = np.zeros_like(available)
    result = []
    for number, count in enumerate(wanted):
        if count < len(classes):
            raise DataError(
                f"{where}: {_images(count)} asked for; expected at least one of each of {len(classes)} classes"
            )
        later = len(parts) - number - 1  # every later part needs an image of the class too
        sizes = _apportion(count, available, available - used - later)
        chosen = [members[first : first + size] for members, first, size in zip(of_class, used, sizes, strict=True)]
        result.append(torch.from_numpy(np.sort(np.concatenate(chosen))))
        used += sizes
    return result


def _shuffled(labels: NDArray[np.int64], classes: int, seed: int) -> list[NDArray[np.int64]]:
    order = np.random.default_rng(seed % 2**63).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    bounds = np.cumsum(np.bincount(labels, minlength=classes))[:-1]
    return list(np.split(order, bounds))


def _apportion(count: int, weights: NDArray[np.int64], most: NDArray[np.int64]) -> NDArray[np.int64]:
    """Integers in proportion to weights, by largest remainder, each at least 1 and at most ``most``."""
    exact = count * weights / weights.sum()
    sizes: NDArray[np.int64] = np.clip(np.floor(exact).astype(np.int64), 1, most)
    while sizes.sum() < count and (sizes < most).any():
        sizes[np.argmax(np.where(sizes < most, exact - sizes, -np.inf))] += 1
    while sizes.sum() > count and (sizes > 1).any():
        sizes[np.argmax(np.where(sizes > 1, sizes - exact, -np.inf))] -= 1
    return sizes


def _images(count: int) -> str:
    return f"{count:,} image" if count == 1 else f"{count:,} images"
