"""Digits: all of scikit-learn's, enlarged, in two fixed parts."""

import numpy as np
import pytest

from genocc.data import DataRequest, MemoryImages, load
from genocc.errors import DataError
from tests.data.whole import assert_whole


@pytest.mark.parametrize("size", [16, 32, (8, 20)])
def test_they_are_whole_in_every_size(size: int | tuple[int, int]) -> None:
    assert_whole(load(DataRequest("digits", size=size)), size)


def test_digits_are_all_there_in_disjoint_parts_and_normalised_by_their_own_mean_and_std() -> None:
    data = load(DataRequest("digits", size=8))
    assert isinstance(data.train, MemoryImages)
    assert isinstance(data.test, MemoryImages)
    assert len(data.train) + len(data.test) == 1797
    assert not data.flip
    seen = data.train.pixels.double() / 255
    assert data.mean == pytest.approx([float(seen.mean())] * 3, abs=1e-4)
    assert data.std == pytest.approx([float(seen.std())] * 3, abs=1e-4)
    found = np.sort(
        np.concatenate([part.pixels[..., 0].flatten(1).numpy() for part in (data.train, data.test)]), axis=0
    )
    from sklearn.datasets import load_digits

    original = np.sort(np.round(load_digits().images.reshape(1797, 64) * 255 / 16).astype(np.uint8), axis=0)
    np.testing.assert_array_equal(found, original)


def test_more_than_fits_into_memory_is_refused_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genocc.data.images.MAX_BYTES", 10**6)
    with pytest.raises(DataError, match=r"images of 20x40 take .* GiB of memory"):
        load(DataRequest("digits", size=(20, 40)))
