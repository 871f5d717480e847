"""The built-in data set: 1,797 handwritten digits of 8x8 pixels that come with scikit-learn; works offline."""

from __future__ import annotations

import torch
from torch.nn.functional import interpolate

from genocc.data.dataset import DataRequest, DataSet
from genocc.data.images import MemoryImages
from genocc.data.split import split


def load(request: DataRequest) -> DataSet:
    """Returns the digits, enlarged, as three equal channels; a fifth of them, always the same, is the test part."""
    from sklearn.datasets import load_digits

    found = load_digits()
    grey = torch.from_numpy(found.images).float()[:, None] * (255 / 16)
    size = request.size or 32
    enlarged = interpolate(grey, (size, size), mode="bilinear", align_corners=False)
    pixels = enlarged.round().to(torch.uint8).permute(0, 2, 3, 1).expand(-1, -1, -1, 3).contiguous()
    classes = tuple(str(name) for name in found.target_names)
    images = MemoryImages(pixels, torch.from_numpy(found.target))
    train, test = (images.subset(part) for part in split(images.labels, (0.8, 0.2), 0, classes, "digits"))
    seen = train.pixels[..., 0].double() / 255
    mean, std = (round(value.item(), 4) for value in (seen.mean(), seen.std()))
    # not mirrored: a mirrored digit is no digit
    return DataSet("digits", classes, (mean,) * 3, (std,) * 3, train, test, flip=False)
