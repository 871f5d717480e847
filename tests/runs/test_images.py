"""Images in a genotype's metadata: what a search writes gives the sizes of the net that it searched for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocc.errors import NetworkError
from genocc.genotype import Genotype
from genocc.network import NetworkConfig
from genocc.runs.images import image_sizes, images_metadata
from tests.training.tiny import GENOTYPE

SIZES = st.integers(1, 500)


def with_metadata(metadata: dict[str, Any]) -> Genotype:
    return GENOTYPE.model_copy(update={"metadata": metadata})


@given(SIZES, SIZES, SIZES, SIZES)
def test_sizes_survive_the_genotypes_file(classes: int, channels: int, height: int, width: int) -> None:
    written = with_metadata(images_metadata("fake", classes, channels, (height, width))).dumps()
    net = NetworkConfig.make(**image_sizes(Genotype.loads(written), "genotype.json"))
    assert (net.classes, net.input_channels, net.input_size) == (classes, channels, (height, width))


def test_the_form_is_that_of_searches_before() -> None:
    expected = {"images": {"name": "fake", "classes": 10, "channels": 3, "size": [8, 8]}}
    assert images_metadata("fake", 10, 3, (8, 8)) == expected


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"images": None},
        {"images": [10, 3, 8, 8]},
        {"images": {"classes": 10, "channels": 3}},
        {"images": {"classes": 10, "channels": 3, "size": 8}},
        {"images": {"classes": 10, "channels": 3, "size": [8, 8, 8]}},
        {"images": {"channels": 3, "size": [8, 8]}},
    ],
)
def test_metadata_of_another_form_are_refused(metadata: dict[str, Any]) -> None:
    with pytest.raises(
        NetworkError, match=r"a.json: \$.metadata.images is not what the search wrote; was it changed\?"
    ):
        image_sizes(with_metadata(metadata), "a.json")
