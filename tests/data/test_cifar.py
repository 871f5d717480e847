"""CIFAR: torchvision's files as our data sets, resized, or what to do where they are missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from genocc.data import DataRequest, MemoryImages, cifar, load
from genocc.errors import DataError


class Stub:
    """Four images as torchvision would give them, or the error that it would raise."""

    classes = ("cat", "dog")
    error: Exception | None = None

    def __init__(self, root: Path, *, train: bool, download: bool) -> None:
        if self.error:
            raise self.error
        self.targets = [0, 1, 1, 0] if train else [1, 0, 0, 1]
        generator = np.random.default_rng(len(self.targets) + train)
        self.data = generator.integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)


@pytest.fixture(params=["cifar10", "cifar100"])
def name(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(cifar, request.param.upper(), Stub)
    monkeypatch.setattr(Stub, "error", None)
    return str(request.param)


def test_images_and_classes_are_torchvisions(name: str) -> None:
    data = load(DataRequest(name))
    assert (data.name, data.classes, data.flip) == (name, ("cat", "dog"), True)
    for part, train in ((data.train, True), (data.test, False)):
        original = Stub(Path(), train=train, download=False)
        assert isinstance(part, MemoryImages)
        assert np.array_equal(part.pixels.numpy(), original.data)
        assert part.labels.tolist() == original.targets


@pytest.mark.parametrize("size", [16, 48])
def test_other_sizes_are_pillows_bilinear_ones(name: str, size: int) -> None:
    data = load(DataRequest(name, size=size))
    assert isinstance(data.train, MemoryImages)
    assert data.train.pixels.dtype == torch.uint8
    for found, original in zip(data.train.pixels, Stub(Path(), train=True, download=False).data, strict=True):
        expected = np.array(Image.fromarray(original).resize((size, size), Image.Resampling.BILINEAR))
        assert np.abs(found.numpy().astype(int) - expected).max() <= 1


def test_a_download_that_fails_says_where_to(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stub, "error", OSError("no route to host"))
    with pytest.raises(DataError, match=f"{name}: cannot be fetched to {tmp_path / 'new'}: no route to host"):
        load(DataRequest(name, tmp_path / "new", download=True))
    assert (tmp_path / "new").is_dir()
    monkeypatch.setattr(Stub, "error", RuntimeError("digest"))
    with pytest.raises(DataError, match="the fetched files are damaged: remove them"):
        load(DataRequest(name, tmp_path / "new", download=True))


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_an_absent_cifar_says_how_to_get_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"{name}: not found whole in .*; fetch it with --download"):
        load(DataRequest(name, tmp_path / "nothing"))
