"""The gate of int8 files: what one may lose on images that it was not calibrated on, and what is done about it.

Over the limit, the cost of each layer is measured on images of the calibration: the error of the logits when it alone
is quantized. The costliest ones are kept in float, twice as many at each try. Test images only decide, at each try,
whether the file passes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from genocc.precision import Accuracies, DropError
from genocc.training.trained_net import open_net

from .calibration import Calibration

Array = NDArray[Any]

COSTED = 32
"""Images of the calibration on which the layers' costs are measured."""
MOST_KEPT = 0.5
"""The largest share of the layers that is kept in float: a file with more of them in float gains nothing."""


class Quantizer(Protocol):
    """What a library makes of one net.

    Attributes:
        layers: Names of the layers that it quantizes.
    """

    @property
    def layers(self) -> tuple[str, ...]: ...

    def write(self, path: Path, kept: Collection[str] = ()) -> int:
        """Writes the int8 file, with some layers in float, and returns the number of its operators."""

    def costs(self, images: Array) -> Mapping[str, float]:
        """Returns layer -> error of the logits, relative to their root mean square, when it alone is quantized."""


@dataclass(frozen=True)
class Passed:
    """A file that passed.

    Attributes:
        operators: Their number in it.
        accuracies: Its own and the float32 file's.
        kept: Layers that are in float.
    """

    operators: int
    accuracies: Accuracies
    kept: tuple[str, ...]


def quantize_within(
    quantizer: Quantizer,
    calibration: Calibration,
    reference: Path,
    path: Path,
    max_drop: float,
    runtime: str,
    where: str,
) -> Passed:
    """Writes an int8 file that loses no more than is allowed.

    Args:
        quantizer: Of the net.
        calibration: Its images.
        reference: The float32 file.
        path: Where to write.
        max_drop: The largest drop of top-1 accuracy, in percentage points.
        runtime: Name of what runs both files.
        where: What messages call the file.

    Raises:
        DropError: Every file that was tried loses more.
    """
    labels = np.concatenate([labels for _, labels in calibration.held_out()])
    expected = _predictions(reference, calibration, runtime)

    def tried(kept: tuple[str, ...]) -> Passed:
        operators = quantizer.write(path, kept)
        found = _predictions(path, calibration, runtime)
        return Passed(operators, Accuracies(
            calibration.data.name, len(labels), len(calibration.images), float((expected == labels).mean()),
            float((found == labels).mean()), float((found == expected).mean()), max_drop, calibration.remark,
        ), kept)  # fmt: skip

    best = tried(())
    if best.accuracies.ok:
        return best
    costs = dict(sorted(quantizer.costs(calibration.images[:COSTED]).items(), key=lambda item: -item[1]))
    count = 1
    while count <= MOST_KEPT * len(costs):
        found = tried(tuple(costs)[:count])
        if found.accuracies.ok:
            return found
        best = min(best, found, key=lambda one: one.accuracies.drop)
        count *= 2
    raise DropError(where, best.accuracies, costs, len(best.kept))


def _predictions(path: Path, calibration: Calibration, runtime: str) -> Array:
    """The class that a file names for each held-out image."""
    net = open_net(path, runtime=runtime)
    parts = (torch.from_numpy(images) for images, _ in calibration.held_out(net.batch or 64))
    return np.concatenate([net.run(images).argmax(1).numpy() for images in parts])
