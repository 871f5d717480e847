"""Precisions in which a compiled file computes, and what a lower one costs and gains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from genocc.errors import GenoccError

FLOAT32 = "float32"
PRECISIONS = (FLOAT32, "bfloat16", "float16", "int8")
"""What ``--precision`` takes."""

TIE = 0.95
"""A file counts as slower than another one below this ratio: timings differ by a few per cent from run to run."""


@dataclass(frozen=True)
class Accuracies:
    """Top-1 accuracies of two files on the same images, in the same runtime.

    Attributes:
        data: Name of the data set.
        images: Number of images, none of which was calibrated on.
        calibrated: Number of images that were calibrated on.
        float32: Of the float32 file.
        lower: Of the file of lower precision.
        agreement: Share of the images for which both name the same class.
        max_drop: The largest drop that was allowed, in percentage points.
        remark: What is to be known of the images, such as that the net may have been trained on them; for people.
    """

    data: str
    images: int
    calibrated: int
    float32: float
    lower: float
    agreement: float
    max_drop: float
    remark: str = ""

    @property
    def drop(self) -> float:
        """By how many percentage points the lower precision is worse; negative where it is better."""
        return 100 * (self.float32 - self.lower)

    @property
    def ok(self) -> bool:
        """Whether the drop is within the limit."""
        return self.drop <= self.max_drop + 1e-9

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data for ``--json``."""
        return {**asdict(self), "drop": self.drop}


@dataclass(frozen=True)
class Tradeoff:
    """A file of lower precision relative to the float32 file of the same net that the target writes by default.

    Attributes:
        precision: Of the file.
        runtime: What ran both, in turn.
        size: Bytes relative to the float32 file.
        speed: Batch size -> how many times as fast as the float32 file; above 1 is faster.
        accuracies: Of both; None where no images are at hand.
        kept: Layers that compute in float32, since they cost most accuracy.
        operators: Their number in the file, where it was written anew; None where not.
    """

    precision: str
    runtime: str
    size: float
    speed: Mapping[int, float]
    accuracies: Accuracies | None = None
    kept: tuple[str, ...] = ()
    operators: int | None = field(default=None, repr=False)

    @property
    def slower(self) -> tuple[int, ...]:
        """Batch sizes at which the file is slower than the float32 file, beyond what timings differ by."""
        return tuple(batch for batch, ratio in self.speed.items() if ratio < TIE)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data for ``--json``."""
        return {
            "precision": self.precision,
            "runtime": self.runtime,
            "size": self.size,
            "speed": {str(batch): ratio for batch, ratio in self.speed.items()},
            "slower": list(self.slower),
            "accuracies": self.accuracies and self.accuracies.to_dict(),
            "kept_in_float": list(self.kept),
        }


class DropError(GenoccError):
    """A file of lower precision loses more accuracy than is allowed, also with its costliest layers in float.

    Attributes:
        accuracies: Of the best file that was tried.
        costs: Layer -> relative error of the logits that it causes alone, the largest first.
    """

    def __init__(self, where: str, accuracies: Accuracies, costs: Mapping[str, float], kept: int) -> None:
        a = accuracies
        most = ", ".join(f"{name} ({cost:.1%})" for name, cost in list(costs.items())[:5])
        tried = f" even with the {kept} costliest of {len(costs)} layers in float" if kept else ""
        super().__init__(
            f"{where}: not written: int8 drops {a.drop:.2f} points of top-1 ({a.float32:.2%} to {a.lower:.2%} on "
            f"{a.images:,} images of {a.data}){tried}, more than --max-drop {a.max_drop:g}; the layers that cost most "
            f"(relative error of the logits): {most}"
        )
        self.accuracies, self.costs = accuracies, dict(costs)
