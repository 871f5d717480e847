"""Fake images: the same in every run, with colours that tell their classes apart."""

import pytest
import torch

from genocc.data import DataRequest, MemoryImages, load
from genocc.data.fake import CLASSES, IMAGES
from genocc.errors import DataError
from tests.data.whole import assert_whole


@pytest.mark.parametrize("size", [16, 32, (8, 20)])
def test_they_are_whole_in_every_size(size: int | tuple[int, int]) -> None:
    assert_whole(load(DataRequest("fake", size=size)), size)


def test_they_are_the_same_in_every_run_and_differ_between_the_parts() -> None:
    torch.manual_seed(1)
    first = load(DataRequest("fake", size=4))
    torch.manual_seed(2)
    second = load(DataRequest("fake", size=4, split_seed=3))
    for one, other in ((first.train, second.train), (first.test, second.test)):
        assert isinstance(one, MemoryImages)
        assert isinstance(other, MemoryImages)
        assert torch.equal(one.pixels, other.pixels)
        assert len(one) == CLASSES * IMAGES
    assert isinstance(first.train, MemoryImages)
    assert isinstance(first.test, MemoryImages)
    assert not torch.equal(first.train.pixels, first.test.pixels)


def test_the_nearest_mean_colour_of_the_training_part_names_the_class_of_a_test_image() -> None:
    data = load(DataRequest("fake", size=8))
    assert isinstance(data.train, MemoryImages)
    assert isinstance(data.test, MemoryImages)
    seen, unseen = (part.pixels.float().mean((1, 2)) for part in (data.train, data.test))
    means = torch.stack([seen[data.train.labels == label].mean(0) for label in range(CLASSES)])
    assert (torch.cdist(unseen, means).argmin(1) == data.test.labels).float().mean() > 0.95


def test_more_than_fits_into_memory_is_refused_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genocc.data.images.MAX_BYTES", 10**6)
    with pytest.raises(DataError, match=r"images of 20x40 take .* GiB of memory"):
        load(DataRequest("fake", size=(20, 40)))
