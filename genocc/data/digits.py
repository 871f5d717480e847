"""The built-in data set: 1,797 handwritten digits of 8x8 pixels that come with scikit-learn; works offline."""

from __future__ import annotations

import torch
from torch.nn.functional import interpolate

from genocc.data.dataset import DataRequest, DataSet
from genocc.data.images import MemoryImages, check_memory
from genocc.data.split import split

BLOCK = 64
"""Images that are enlarged at a time: as floats they take more memory than what is kept."""


def load(request: DataRequest) -> DataSet:
    """Returns the digits, enlarged, as three equal channels; a fifth of them, always the same, is the test part."""
    from sklearn.datasets import load_digits

    found = load_digits()
    grey = torch.from_numpy(found.images).float()[:, None] * (255 / 16)
    size = request.sides(32)
    check_memory(len(grey), size)
    pixels = torch.empty(len(grey), *size, 3, dtype=torch.uint8)
    for some, copied in zip(torch.split(grey, BLOCK), torch.split(pixels, BLOCK), strict=True):
        enlarged = interpolate(some, size, mode="bilinear", align_corners=False)
        copied.copy_(enlarged.round().permute(0, 2, 3, 1))
    classes = tuple(str(name) for name in found.target_names)
    images = MemoryImages(pixels, torch.from_numpy(found.target))
    train, test = (images.subset(part) for part in split(images.labels, (0.8, 0.2), 0, classes, "digits"))
    mean, std = _normalization(train)
    # not mirrored: a mirrored digit is no digit
    return DataSet("digits", classes, (mean,) * 3, (std,) * 3, train, test, flip=False)


def _normalization(images: MemoryImages) -> tuple[float, float]:
    """Mean and deviation of pixels in 0..1, to four places; a block at a time, for the sake of memory."""
    sums, count = torch.zeros(2, dtype=torch.float64), 0
    for indices in torch.split(torch.arange(len(images)), BLOCK):
        seen = images.start(indices, 0, False, None)()[..., 0].double() / 255
        sums += torch.stack([seen.sum(), seen.square().sum()])
        count += seen.numel()
    mean, square = (sums / count).tolist()
    return round(mean, 4), round(((square - mean**2) * count / (count - 1)) ** 0.5, 4)
