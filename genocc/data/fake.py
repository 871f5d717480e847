"""Random images to try things out with; each class has a colour of its own, so that a net can learn them."""

from __future__ import annotations

import torch

from genocc.data.dataset import DataRequest, DataSet
from genocc.data.images import MemoryImages, check_memory

CLASSES = 10
IMAGES = 100
"""Images per class, in each of the two parts."""

BLOCK = 50
"""Images that are drawn at a time: as 64-bit numbers they take more memory than what is kept."""


def load(request: DataRequest) -> DataSet:
    """Returns noise around ten random colours, the same in every run."""
    generator = torch.Generator().manual_seed(0)
    colours = torch.randint(64, 192, (CLASSES, 1, 1, 3), generator=generator)
    size, labels = request.sides(32), torch.arange(CLASSES * IMAGES) % CLASSES
    check_memory(2 * len(labels), size)

    def noise() -> MemoryImages:
        pixels = torch.empty(len(labels), *size, 3, dtype=torch.uint8)
        for some, drawn in zip(torch.split(labels, BLOCK), torch.split(pixels, BLOCK), strict=True):
            drawn.copy_(colours[some] + torch.randint(-64, 64, drawn.shape, generator=generator))
        return MemoryImages(pixels, labels)

    train, test = noise(), noise()
    return DataSet("fake", tuple(f"colour {n}" for n in range(CLASSES)), (0.5,) * 3, (0.25,) * 3, train, test)
