"""Result of a verification: how far a compiled file is from the net of its genotype in PyTorch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from genocc.errors import GenoccError


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
class Verification:
    """All comparisons of one file, and the worst of them.

    Attributes:
        provider: What ran the file, where a runtime has a choice: the execution provider or device it really used.
        weights: Trained, or untrained with their seed; for people.
        tolerance: The largest ``max_rel`` that is accepted.
        comparisons: One per runtime and batch.
    """

    provider: str
    weights: str
    tolerance: float
    comparisons: tuple[Comparison, ...]

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
        """Whether every comparison is within the tolerance."""
        return self.max_rel <= self.tolerance

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
        }


class MismatchError(GenoccError):
    """A compiled file does not compute what the net of its genotype does.

    Attributes:
        verification: By how much.
    """

    def __init__(self, where: str, verification: Verification) -> None:
        super().__init__(
            f"{where}: not written: it differs from PyTorch by {verification.max_rel:.1e} (relative), "
            f"more than {verification.tolerance:.0e}; `--bisect` names the pass, `--no-verify` writes it anyway"
        )
        self.verification = verification


def _finite(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {key: None if value == math.inf else value for key, value in figures.items()}
