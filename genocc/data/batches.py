"""Batches: an endless stream in which every batch is a function of the seed and its number alone.

A position in the stream is one integer, so there is no random state to store: a run that resumes at batch n sees the
same batches as an uninterrupted one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from hashlib import sha256

import torch
from torch import Generator, Tensor

from genocc.data.images import WHOLE, Images
from genocc.errors import DataError

Batch = tuple[Tensor, Tensor]
"""Images (B, C, H, W), float, normalised, channels last in memory; labels (B,)."""


class Batches:
    """Part of a data set in shuffled, augmented batches, or in order without augmentation.

    A pass shows every image at most once; images that do not fill a batch are left out, others in each pass.

    Args:
        images: The part.
        batch_size: Images per batch; all where there are fewer.
        seed: Of order and augmentation.
        stream: Name of the stream of random numbers, which differ between streams of the same seed.
        mean: Per channel, of pixels in 0..1.
        std: Per channel.
        padding: How far a random crop moves, in pixels.
        flip: Whether half of the images are mirrored.
        cutout: Side of a square that is blanked in each image, in pixels; 0 for none.
        device: Where batches are wanted.
        share: The images of each batch that one of several processes takes, augmented as in the whole batch.

    Raises:
        DataError: There is no image, or one image for larger batches, on which batch norm is not defined.
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
        """Number of batches per pass."""
        return len(self.images) // self.batch_size

    def __getitem__(self, number: int) -> Batch:
        """Returns batch ``number`` of the endless stream, and starts decoding the next ones of images in files."""
        for ahead in range(number, number + 1 + self.images.ahead):
            if ahead not in self._started:
                self._started[ahead] = self._start(ahead)
        pixels, labels, generator = self._started.pop(number)
        self._started = OrderedDict((n, job) for n, job in self._started.items() if n > number)
        return self._finished(pixels(), generator), labels.to(self.device, non_blocking=True)

    def in_order(self, batch_size: int, most: int | None = None, which: slice = WHOLE) -> Iterator[Batch]:
        """Yields every image, or ``most`` of them evenly spaced, once and without augmentation, to measure accuracy on.

        Args:
            batch_size: Images per batch; the last may have fewer.
            most: Number of images; all where not given.
            which: Slice of the batches, such as every other one for the first of two processes.
        """
        count = min(most or len(self.images), len(self.images))
        for indices in torch.split(torch.arange(count) * len(self.images) // count, batch_size)[which]:
            pixels = self.images.start(indices, 0, False, None)()
            yield self._finished(pixels, None), self.images.labels[indices].to(self.device)

    def stream_of(self, name: str) -> Batches:
        """Returns batches of the same images, augmented alike, in another stream; neither's position is the other's."""
        other = copy(self)
        other.stream, other._pass, other._started = name, -1, OrderedDict()
        return other

    def whole(self) -> Batches:
        """Returns the same batches, whole where these are a share of each."""
        if self.share == WHOLE:
            return self
        other = copy(self)
        other.share, other._pass, other._started = WHOLE, -1, OrderedDict()
        return other

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
    """Returns the seed of a stream of random numbers, independent of the streams of other purposes."""
    digest = sha256(" ".join(map(str, purpose)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def _cutout(x: Tensor, side: int, generator: Generator, batch: int, share: slice) -> Tensor:
    """Zeroes a square around a random pixel of each image (B, H, W, C), clipped at the border.

    Source: DeVries and Taylor, Cutout, Section 3.2.
    """
    rows, columns = (_blanked(length, side, generator, batch, share) for length in x.shape[1:3])
    blanked = (rows[:, :, None] & columns[:, None, :]).to(x.device, non_blocking=True)
    return x.masked_fill(blanked[..., None], 0.0)


def _blanked(length: int, side: int, generator: Generator, batch: int, share: slice) -> Tensor:
    first = torch.randint(0, length, (batch, 1), generator=generator)[share] - side // 2
    axis = torch.arange(length)
    return (axis >= first) & (axis < first + side)
