"""Nets that take one batch size, and what all runtimes share."""

from __future__ import annotations

import numpy as np

from genocc.runtimes.base import LoadedNet, Port, in_batches_of


def test_any_number_of_images_goes_through_a_net_of_one_batch_size() -> None:
    seen: list[int] = []

    def means(images: np.ndarray) -> np.ndarray:
        seen.append(len(images))
        return images.mean((2, 3))

    images = np.random.default_rng(0).random((7, 3, 2, 2))
    for count in (1, 3, 7):
        np.testing.assert_array_equal(in_batches_of(3, means)(images[:count]), images[:count].mean((2, 3)))
    assert set(seen) == {3}
    assert in_batches_of(None, means) is means


def test_a_file_says_whether_its_batch_is_fixed() -> None:
    for size, batch in ((4, 4), ("batch", None), (None, None)):
        assert LoadedNet(abs, lambda: abs, "CPU", [Port("image", [size, 3, 8, 8], "tensor(float)")]).batch == batch
    assert LoadedNet(abs, lambda: abs, "CPU").batch is None


def test_the_response_is_loaded_when_it_is_needed_and_once() -> None:
    loads: list[int] = []
    net = LoadedNet(lambda x: x + 1, lambda: loads.append(1) or (lambda x: x), "CPU")
    assert not loads
    assert [net.observe(np.array(n)) for n in (1, 2)] == [(2, 1), (3, 2)]
    assert loads == [1]
