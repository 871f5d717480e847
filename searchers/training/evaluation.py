"""How often a net is right: top-1 and top-5 accuracy on labelled images.

Ties go to the lower class number, as argmax has it, so that a net that says the same of all classes scores chance; an
image for which an output is not a number counts as wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from genocc.errors import DataError

from ..data.batches import Batch

TOP = 5


@dataclass(frozen=True)
class Accuracy:
    """What came of an evaluation.

    Attributes:
        images: How many.
        top1: Share of the images whose class has the highest output.
        top5: Share of those whose class is among the five highest; None where there are five classes or fewer, of
            which every net would have all.
    """

    images: int
    top1: float
    top5: float | None

    @classmethod
    def of(cls, counts: Tensor, classes: int) -> Accuracy:
        """Returns the accuracy that summed `counts` mean; raises DataError where there was no image."""
        images, first, fifth = map(int, counts.tolist())
        if not images:
            raise DataError("no images to measure an accuracy on; expected at least one")
        return cls(images, first / images, fifth / images if classes > TOP else None)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data."""
        return {"top1": self.top1, "top5": self.top5, "images": self.images}


def measure(net: Callable[[Tensor], Tensor], batches: Iterable[Batch]) -> Accuracy:
    """Returns the accuracy of a net.

    Args:
        net: Images (B, C, H, W) -> logits or probabilities (B, classes); whoever gives it has set the mode of its
            batch norm.
        batches: Images and labels (B,), such as `Batches.in_order` yields.

    Raises:
        DataError: There are no images.
    """
    total, classes = torch.zeros(3, dtype=torch.int64), 0
    with torch.inference_mode():
        for images, labels in batches:
            outputs = net(images)
            total, classes = total.to(outputs.device) + counts(outputs, labels), outputs.shape[1]
    return Accuracy.of(total, classes)


def counts(outputs: Tensor, labels: Tensor) -> Tensor:
    """Returns (3,) int64 on the outputs' device: images, those right, those with the label among the five highest.

    Sums of it over batches, or over processes, are what `Accuracy.of` takes.
    """
    labels = labels.to(outputs.device)[:, None]
    own = outputs.gather(1, labels)
    number = torch.arange(outputs.shape[1], device=outputs.device)
    before = (outputs > own) | ((outputs == own) & (number < labels))
    rank = before.sum(1).masked_fill(outputs.isnan().any(1), outputs.shape[1])
    within = [(rank < top).sum() for top in (1, min(TOP, outputs.shape[1]))]
    return torch.stack([torch.full_like(within[0], len(outputs)), *within])
