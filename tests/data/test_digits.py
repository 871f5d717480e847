"""Digits: all of scikit-learn's, enlarged, in two fixed parts."""

import numpy as np
import pytest

from genocc.data import DataRequest, MemoryImages, load
from tests.data.whole import assert_whole


@pytest.mark.parametrize("size", [16, 32])
def test_they_are_whole_in_every_size(size: int) -> None:
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
