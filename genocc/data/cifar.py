"""CIFAR-10 and CIFAR-100, read and fetched by torchvision, which checks the files' digests before it opens them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate
from torchvision.datasets import CIFAR10, CIFAR100

from genocc.data.dataset import DataRequest, DataSet
from genocc.data.files import Size
from genocc.data.images import MemoryImages, check_memory
from genocc.errors import DataError

BLOCK = 256
"""Images that are resized at a time: as floats they take more memory than what is kept."""


def cifar10(request: DataRequest) -> DataSet:
    """Returns CIFAR-10; raises DataError where it is absent and may not be fetched."""
    return _load(request, CIFAR10, (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))


def cifar100(request: DataRequest) -> DataSet:
    """Returns CIFAR-100; raises DataError where it is absent and may not be fetched."""
    return _load(request, CIFAR100, (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762))


def _load(request: DataRequest, kind: type[CIFAR10], mean: tuple[float, ...], std: tuple[float, ...]) -> DataSet:
    try:
        if request.download:
            request.cache.mkdir(parents=True, exist_ok=True)
        train, test = (kind(request.cache, train=part, download=request.download) for part in (True, False))
    except OSError as error:  # of the network or the disk
        raise DataError(f"{request.name}: cannot be fetched to {request.cache}: {error}") from None
    except RuntimeError:
        hint = "the fetched files are damaged: remove them" if request.download else "fetch it with --download"
        raise DataError(
            f"{request.name}: not found whole in {request.cache}; {hint}, "
            f"or name the folder it is in as --data {request.name}:FOLDER"
        ) from None
    size = request.sides(train.data.shape[1])
    check_memory(len(train.data) + len(test.data), size)
    images = [
        MemoryImages(_resized(torch.as_tensor(part.data), size), torch.tensor(part.targets)) for part in (train, test)
    ]
    return DataSet(request.name, tuple(train.classes), mean, std, train=images[0], test=images[1])


def _resized(images: Tensor, size: Size) -> Tensor:
    if size == tuple(images.shape[1:3]):
        return images
    resized = torch.empty(len(images), *size, 3, dtype=torch.uint8)
    for some, kept in zip(torch.split(images, BLOCK), torch.split(resized, BLOCK), strict=True):
        larger = interpolate(some.permute(0, 3, 1, 2).float(), size, mode="bilinear", antialias=True)
        kept.copy_(larger.round().clamp(0, 255).permute(0, 2, 3, 1))
    return resized
