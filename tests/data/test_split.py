"""Splits: disjoint, stratified, as large as asked for."""

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from genocc.data import split
from genocc.errors import DataError


@given(
    st.lists(st.integers(3, 40), min_size=2, max_size=6),
    st.sampled_from([(0.5, 0.5), (0.1, 0.1), (0.6, 0.3, 0.1), (0.5, 0.1), (1 / 3, 2 / 3)]),
    st.integers(0, 5),
)
def test_a_split_is_disjoint_mixed_as_the_whole_and_misses_no_class(
    sizes: list[int], parts: tuple[float, ...], seed: int
) -> None:
    labels = torch.cat([torch.full((size,), kind) for kind, size in enumerate(sizes)])
    names = [f"class {kind}" for kind in range(len(sizes))]
    wanted = [max(round(part * len(labels)), len(sizes)) for part in parts]
    if sum(wanted) > len(labels):
        return
    found = split(labels, wanted, seed, names, "data")
    together = torch.cat(found)
    assert len(set(together.tolist())) == len(together)
    for part, count in zip(found, wanted, strict=True):
        assert len(part) == count
        mixed = Counter(labels[part].tolist())
        for kind, size in enumerate(sizes):
            assert mixed[kind] >= 1
            # in proportion, as far as integers and the other parts' need of one image allow
            assert abs(mixed[kind] - count * size / len(labels)) < len(sizes) + len(parts)


def test_a_split_takes_shares_and_numbers() -> None:
    labels = torch.arange(1000) % 10
    names = [str(kind) for kind in range(10)]
    halves = split(labels, (0.5, 0.5), 0, names, "data")
    assert [len(part) for part in halves] == [500, 500]
    few = split(labels, (25, 0.025), 0, names, "data")
    assert [len(part) for part in few] == [25, 25]
    assert not torch.equal(split(labels, (0.5, 0.5), 1, names, "data")[0], halves[0])
    with pytest.raises(DataError, match=r"data: 900 \+ 200 images are asked for; the data set has 1,000"):
        split(labels, (900, 200), 0, names, "data")
    with pytest.raises(DataError, match="data: 5 images asked for; expected at least one of each of 10 classes"):
        split(labels, (5, 200), 0, names, "data")
