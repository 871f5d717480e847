"""Batches: an endless stream in which every batch is a function of the seed and its number alone.

A position in the stream is one integer, so there is no random state to store: a run that continues at batch n sees
what it would have seen.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

import torch
from torch import Generator, Tensor

from genocc.data.images import WHOLE, Images
from genocc.errors import DataError

Batch = tuple[Tensor, Tensor]
"""Images (B, C, H, W), float, normalised, channels last in memory; labels (B,)."""


class Batches:
    """Part of a data set as shuffled, augmented batches, or in order and as it is.

    A pass shows every image at most once; what does not fill a batch is left out, other images each time.

    Args:
        images: The part.
        batch_size: Images a batch, or as many as there are.
        seed: Of order and augmentation.
        stream: A name that sets the randomness of this stream apart from others of the same seed.
        mean: Of each channel, of pixels in 0..1.
        std: Of each channel.
        padding: How far a random crop moves.
        flip: Whether half of the images are mirrored.
        cutout: Side of a square that is blanked in each image; 0 for none.
        device: Where batches are wanted.
        share: Which images of each batch are wanted: those of one of several processes. They are what they would be in
            the whole batch.

    Raises:
        DataError: There is no image, or only one for larger batches: batch normalisation could learn nothing of it.
    """

    def __init__(
        self,
        images: Images,
        batch_size: int,
        *,
        seed: int,
        stream: str,
        mean: Sequence[float],
        std: Sequence[float],
        padding: int = 0,
        flip: bool = False,
        cutout: int = 0,
        device: torch.device | str = "cpu",
        share: slice = WHOLE,
    ) -> None:
        if len(images) < min(2, batch_size):
            raise DataError(f"{stream}: {len(images)} image; expected at least two for a batch")
        self.device = torch.device(device)
        self.images = images.to(self.device)
        self.batch_size = min(batch_size, len(images))
        self.seed, self.stream = seed, stream
        self.padding, self.flip, self.cutout = padding, flip, cutout
        self.share = share
        # one multiplication and one addition: x / 255, minus mean, over std
        self._scale = 1 / (255 * torch.tensor(std, device=self.device))
        self._offset = -torch.tensor(mean, device=self.device) / torch.tensor(std, device=self.device)
        self._pass, self._order = -1, torch.empty(0, dtype=torch.int64)
        self._started: OrderedDict[int, tuple[Callable[[], Tensor], Tensor, Generator]] = OrderedDict()

    def __len__(self) -> int:
        """The number of batches in a pass."""
        return len(self.images) // self.batch_size

    def __getitem__(self, number: int) -> Batch:
        """Returns batch ``number`` of the endless stream, and starts those that follow where that takes time."""
        for ahead in range(number, number + 1 + self.images.ahead):
            if ahead not in self._started:
                self._started[ahead] = self._start(ahead)
        pixels, labels, generator = self._started.pop(number)
        self._started = OrderedDict((n, job) for n, job in self._started.items() if n > number)
        return self._finished(pixels(), generator), labels.to(self.device, non_blocking=True)

    def in_order(self, batch_size: int, most: int | None = None, which: slice = WHOLE) -> Iterator[Batch]:
        """Yields every image, or ``most`` of them evenly spaced, once and as it is: what accuracies are measured on.

        Args:
            batch_size: Images a batch; the last may have fewer.
            most: How many images; all where not given.
            which: Which of the batches: every other one for the first of two processes, for instance.
        """
        count = min(most or len(self.images), len(self.images))
        for indices in torch.split(torch.arange(count) * len(self.images) // count, batch_size)[which]:
            pixels = self.images.start(indices, 0, False, None)()
            yield self._finished(pixels, None), self.images.labels[indices].to(self.device)

    def _start(self, number: int) -> tuple[Callable[[], Tensor], Tensor, Generator]:
        turn, place = divmod(number, len(self))
        if turn != self._pass:
            self._pass = turn
            self._order = torch.randperm(len(self.images), generator=self._generator(f"order {turn}"))
        indices = self._order[place * self.batch_size : (place + 1) * self.batch_size]
        generator = self._generator(f"batch {number}")
        pixels = self.images.start(indices, self.padding, self.flip, generator, self.share)
        return pixels, self.images.labels[indices[self.share]], generator

    def _finished(self, pixels: Tensor, generator: Generator | None) -> Tensor:
        x = torch.addcmul(self._offset, pixels.to(self.device, non_blocking=True), self._scale)
        if self.cutout and generator is not None:
            x = _cutout(x, self.cutout, generator, self.batch_size, self.share)
        return x.permute(0, 3, 1, 2)

    def _generator(self, purpose: str) -> Generator:
        return Generator().manual_seed(derived_seed(self.seed, self.stream, purpose))


def derived_seed(*purpose: object) -> int:
    """Returns the seed of one of many streams of random numbers, which do not depend on each other."""
    digest = sha256(" ".join(map(str, purpose)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def _cutout(x: Tensor, side: int, generator: Generator, batch: int, share: slice) -> Tensor:
    """Zeroes a square around a random pixel of each image (B, H, W, C); it may reach over the border."""
    size = x.shape[1]
    centre = torch.randint(0, size, (2, batch, 1), generator=generator)[:, share]
    axis = torch.arange(size)
    rows, columns = (axis >= centre - side // 2) & (axis < centre - side // 2 + side)
    blanked = (rows[:, :, None] & columns[:, None, :]).to(x.device, non_blocking=True)
    return x.masked_fill(blanked[..., None], 0.0)
