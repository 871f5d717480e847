"""Random images to try things out with; each class has a colour of its own, so that a net can learn them."""

from __future__ import annotations

import torch

from genocc.data.dataset import DataRequest, DataSet
from genocc.data.images import MemoryImages

CLASSES = 10
IMAGES = 100
"""Images per class, in each of the two parts."""


def load(request: DataRequest) -> DataSet:
    """Returns noise around ten random colours, the same in every run."""
    generator = torch.Generator().manual_seed(0)
    colours = torch.randint(64, 192, (CLASSES, 1, 1, 3), generator=generator)
    size = request.size or 32
    labels = torch.arange(CLASSES * IMAGES) % CLASSES
    shape = (len(labels), size, size, 3)
    train, test = (
        MemoryImages((colours[labels] + torch.randint(-64, 64, shape, generator=generator)).to(torch.uint8), labels)
        for _ in range(2)
    )
    return DataSet("fake", tuple(f"colour {n}" for n in range(CLASSES)), (0.5,) * 3, (0.25,) * 3, train, test)
