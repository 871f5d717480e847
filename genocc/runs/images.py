"""The images that a search saw, noted in its genotype's metadata: with a skeleton they give the net searched for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from genocc.errors import NetworkError
from genocc.genotype import Genotype

IMAGES = "images"
"""Key of the metadata."""


def images_metadata(name: str, classes: int, channels: int, size: Sequence[int]) -> dict[str, Any]:
    """Returns metadata that say on which images a genotype was searched.

    Args:
        name: Of the data set.
        classes: Number of classes.
        channels: Of the images.
        size: Height and width of the images.
    """
    return {IMAGES: {"name": name, "classes": classes, "channels": channels, "size": list(size)}}


def image_sizes(genotype: Genotype, where: str) -> dict[str, Any]:
    """Returns the fields of a `NetworkConfig` that the images decide.

    Args:
        genotype: The result of a search, with `images_metadata`.
        where: Its file, for messages.

    Raises:
        NetworkError: The metadata have no images, or in another form.
    """
    images: Any = genotype.metadata.get(IMAGES)
    try:
        height, width = images["size"]
        return {"classes": images["classes"], "input_channels": images["channels"], "input_size": (height, width)}
    except (KeyError, TypeError, ValueError):
        raise NetworkError(f"{where}: $.metadata.images is not what the search wrote; was it changed?") from None
