"""What every built-in data set must be."""

import torch

from genocc.data import DataSet, MemoryImages


def assert_whole(data: DataSet, size: int | tuple[int, int]) -> None:
    """Both parts have images of all ten classes, in bytes and of the size that was asked for."""
    height_width = (size, size) if isinstance(size, int) else size
    for part in (data.train, data.test):
        assert isinstance(part, MemoryImages)
        assert part.pixels.dtype == torch.uint8
        assert part.pixels.shape == (len(part), *height_width, 3)
        assert set(part.labels.tolist()) == set(range(10))
    assert len(data.classes) == 10
