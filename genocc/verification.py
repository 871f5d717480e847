"""Result of a verification: how far a compiled file is from the net of its genotype in PyTorch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from genocc.errors import GenoccError
from genocc.precision import FLOAT32


@dataclass(frozen=True)
class Comparison:
    """Some images through the file and through PyTorch.

    Attributes:
        runtime: What ran the file.
        batch: Number of images.
        max_abs: Largest difference of an output; infinite where one is NaN.
        max_rel: The largest difference relative to the largest value that PyTorch has, for the outputs and, apart,
            for the logits without the classifier's bias. (The logits of a deep net with untrained weights are that
            bias and little else, so that on their own they say nothing about the cells.)
        top1_agreement: Part of the images for which both name the same class.
    """

    runtime: str
    batch: int
    max_abs: float
    max_rel: float
    top1_agreement: float


@dataclass(frozen=True)
class DepthError:
    """The error of a value within a file of lower precision.

    Attributes:
        place: The cell whose last value it is, or the stem, the head, the logits.
        error: Root mean square of the difference from PyTorch, relative to that of the value; infinite where it is NaN.
    """

    place: str
    error: float


@dataclass(frozen=True)
class Verification:
    """All comparisons of one file, and the worst of them.

    Attributes:
        provider: What ran the file, where a runtime has a choice: the execution provider or device it really used.
        weights: Trained, or untrained with their seed; for people.
        tolerance: The largest ``max_rel`` that is accepted; of a lower precision the largest error of ``depth``.
        comparisons: One per runtime and batch.
        precision: Of the file.
        depth: Errors by depth, of a precision below float32.
    """

    provider: str
    weights: str
    tolerance: float
    comparisons: tuple[Comparison, ...]
    precision: str = FLOAT32
    depth: tuple[DepthError, ...] = ()

    @property
    def max_abs(self) -> float:
        """The largest of all comparisons."""
        return max(comparison.max_abs for comparison in self.comparisons)

    @property
    def max_rel(self) -> float:
        """The largest of all comparisons."""
        return max(comparison.max_rel for comparison in self.comparisons)

    @property
    def top1_agreement(self) -> float:
        """Over the images of all comparisons."""
        images = sum(comparison.batch for comparison in self.comparisons)
        return sum(comparison.top1_agreement * comparison.batch for comparison in self.comparisons) / images

    @property
    def ok(self) -> bool:
        """Whether every comparison, or every value of ``depth``, is within the tolerance."""
        return self.error <= self.tolerance

    @property
    def error(self) -> float:
        """What the tolerance limits: ``max_rel`` or, of a lower precision, the largest error of ``depth``."""
        return self.max_rel if self.precision == FLOAT32 else max(one.error for one in self.depth)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data for ``--json``; an infinite error is null there."""
        return {
            **_finite({"max_abs": self.max_abs, "max_rel": self.max_rel}),
            "top1_agreement": self.top1_agreement,
            "provider": self.provider,
            "ok": self.ok,
            "tolerance": self.tolerance,
            "weights": self.weights,
            "comparisons": [_finite(asdict(comparison)) for comparison in self.comparisons],
            "precision": self.precision,
            "depth": [_finite(asdict(one)) for one in self.depth],
        }


class MismatchError(GenoccError):
    """A compiled file does not compute what the net of its genotype does.

    Attributes:
        verification: By how much.
    """

    def __init__(self, where: str, verification: Verification) -> None:
        super().__init__(
            f"{where}: not written: it differs from PyTorch by {verification.error:.1e} (relative), "
            f"more than {verification.tolerance:.0e}; `--bisect` names the pass, `--no-verify` writes it anyway"
        )
        self.verification = verification


def _finite(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {key: None if value == math.inf else value for key, value in figures.items()}
