"""Images in memory and in files: shares of a batch, subsets, crops, and the limit of memory."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator

from genocc.data import FileImages, Images, MemoryImages
from genocc.data.images import _resized_crop, check_memory
from genocc.errors import DataError
from tests.data.image_files import write_image

CHANCE = st.floats(0, 1, exclude_max=True)
TRIES = st.lists(st.tuples(CHANCE, CHANCE, CHANCE, CHANCE), min_size=1, max_size=4)


@pytest.fixture(params=["memory", "files"])
def images(request: pytest.FixtureRequest, tmp_path: Path) -> Images:
    """Ten images of 12x12 that differ."""
    labels = torch.arange(10)
    if request.param == "memory":
        generator = Generator().manual_seed(0)
        return MemoryImages(torch.randint(1, 256, (10, 12, 12, 3), generator=generator).to(torch.uint8), labels)
    for number in range(10):
        write_image(tmp_path / f"{number}.png", shade=10 + 20 * number)
    return FileImages([tmp_path / f"{number}.png" for number in range(10)], labels, (12, 12))


def test_shares_of_a_batch_are_augmented_as_in_the_whole(images: Images) -> None:
    indices = torch.tensor([3, 1, 4, 0, 5, 9])

    def batch(share: slice) -> torch.Tensor:
        return images.start(indices, 2, True, Generator().manual_seed(7), share)()

    whole = batch(slice(None))
    assert whole.shape == (6, 12, 12, 3)
    assert torch.equal(torch.cat([batch(slice(0, 2)), batch(slice(2, 6))]), whole)


def test_a_subset_keeps_the_order_that_is_asked_for(images: Images) -> None:
    every = images.start(torch.arange(10), 0, False, None)()
    part = images.subset(torch.tensor([7, 2, 2]))
    assert type(part) is type(images)
    assert (len(part), part.labels.tolist()) == (3, [7, 2, 2])
    assert torch.equal(part.start(torch.arange(3), 0, False, None)(), every[torch.tensor([7, 2, 2])])
    part.check()


@settings(max_examples=60)
@given(TRIES, st.integers(1, 300), st.integers(1, 300))
def test_a_crop_lies_within_the_image_and_has_a_legal_aspect(
    tries: list[tuple[float, float, float, float]], width: int, height: int
) -> None:
    left, top, right, bottom = _resized_crop(tries)(width, height)
    slack = 1e-9 * max(width, height)
    assert -slack <= left < right <= width + slack
    assert -slack <= top < bottom <= height + slack
    assert 3 / 4 - 1e-9 <= (right - left) / (bottom - top) <= 4 / 3 + 1e-9


def test_an_image_that_no_try_fits_is_cropped_in_its_middle() -> None:
    whole = (0.999, 0.5, 0.0, 0.0)  # nearly all of the area as a square: impossible in a strip
    assert _resized_crop([whole])(400, 30) == (180, 0, 220, 30)
    assert _resized_crop([whole])(30, 400) == (0, 180, 30, 220)
    quarter = ((0.25 - 0.08) / 0.92, 0.5, 1.0, 0.0)  # a square of a quarter of the area, in the upper right corner
    assert _resized_crop([whole, quarter])(50, 49) == pytest.approx(_resized_crop([quarter])(50, 49))
    assert _resized_crop([quarter])(100, 100) == pytest.approx((50, 0, 100, 50))


def test_more_than_the_limit_of_memory_is_refused() -> None:
    check_memory(1_281_167, (47, 47))
    with pytest.raises(DataError, match=r"1,281,167 images of 96x96 take 33.0 GiB of memory; expected at most 8 GiB"):
        check_memory(1_281_167, (96, 96))
    with pytest.raises(DataError):
        check_memory(2**27, (8, 8), channels=2)
