"""Mean loss and accuracy over the steps of an epoch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


class Meter:
    """Sums over batches, kept on the device: only reading them waits for it.

    Attributes:
        sums: (3,) float64: of the losses, of the correct answers, of the images.
    """

    def __init__(self, device: torch.device) -> None:
        self.sums = torch.zeros(3, dtype=torch.float64, device=device)

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Adds a batch.

        Args:
            loss: Mean over the batch, a scalar.
            logits: (B, classes).
            labels: (B,).
        """
        with torch.no_grad():
            correct = (logits.argmax(1) == labels).sum()
            count = torch.full_like(correct, len(labels))
            self.sums += torch.stack([loss.detach().double() * len(labels), correct.double(), count.double()])

    def clear(self) -> None:
        """Sets the sums to zero."""
        self.sums.zero_()

    def read(self, summed: Callable[[Tensor], Tensor] = lambda sums: sums) -> dict[str, float]:
        """Returns mean ``loss`` and ``accuracy`` per image; empty before the first batch.

        Args:
            summed: Returns the sums over all processes, where several share each batch.
        """
        loss, correct, images = summed(self.sums).tolist()
        return {"loss": loss / images, "accuracy": correct / images} if images else {}
