"""Top-1 and top-5 accuracy: of any net on labelled images, and of trained nets on test images.

Ties go to the lower class number, as in argmax, so that a net with equal outputs for all classes scores chance; an
image with a NaN among its outputs counts as wrong.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genocc import arguments
from genocc.data import Batches, DataRequest, DataSet, Images, load
from genocc.data.batches import Batch
from genocc.data.images import MemoryImages
from genocc.data.settings import data_fields
from genocc.errors import DataError
from genocc.runs.known_data import KnownData
from genocc.runs.reading import RUN_LAST, read_epochs, read_known_data
from genocc.runtimes import MAX_BATCH
from genocc.threads import adaptive_waiting
from genocc.training.result import read_training
from genocc.training.trained_net import TrainedNet, open_net

TOP = 5
BATCH = 128
"""Images per batch where not given."""


@dataclass(frozen=True)
class Accuracy:
    """Accuracy of a net on some images.

    Attributes:
        images: Number of images.
        top1: Share of the images whose class has the highest output.
        top5: Share of the images whose class is among the five highest; None with five classes or fewer, where it is 1
            for every net.
    """

    images: int
    top1: float
    top5: float | None

    @classmethod
    def of(cls, counts: Tensor, classes: int) -> Accuracy:
        """Returns the accuracy from `counts` summed over batches; raises DataError where there was no image."""
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
        net: Images (B, C, H, W) -> logits or probabilities (B, classes), in evaluation mode.
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
    """Returns (3,) int64 on the outputs' device: images, correct ones, and those with the label among the five highest.

    `Accuracy.of` takes their sums over batches or processes.
    """
    labels = labels.to(outputs.device)[:, None]
    own = outputs.gather(1, labels)
    number = torch.arange(outputs.shape[1], device=outputs.device)
    before = (outputs > own) | ((outputs == own) & (number < labels))
    rank = before.sum(1).masked_fill(outputs.isnan().any(1), outputs.shape[1])
    within = [(rank < top).sum() for top in (1, min(TOP, outputs.shape[1]))]
    return torch.stack([torch.full_like(within[0], len(outputs)), *within])


@dataclass(frozen=True)
class Evaluation:
    """A trained net on the test images of a data set.

    Attributes:
        net: The file or the run folder.
        data: Name of the data set.
        accuracy: On its test images.
        seconds: From the first image to the last, decoding included.
        runtime: Name and version of what ran the net.
        provider: Where the runtime ran it.
        weights: Description of the weights, for people.
    """

    net: str
    data: str
    accuracy: Accuracy
    seconds: float
    runtime: str
    provider: str
    weights: str

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data for ``--json``."""
        return {
            "net": self.net,
            "data": self.data,
            **self.accuracy.to_dict(),
            "seconds": self.seconds,
            "images_per_second": self.accuracy.images / self.seconds,
            "runtime": self.runtime,
            "provider": self.provider,
            "weights": self.weights,
        }


def evaluate(
    net: str | Path,
    *,
    data: str | Path | None = None,
    limit: int | None = None,
    batch: int | None = None,
    provider: str = "cpu",
    pixels: str | None = None,
    runtime: str | None = None,
    split_seed: int | None = None,
    center_crop: float | None = None,
    download: bool = False,
    note: Callable[[str], None] = lambda message: None,
) -> Evaluation:
    """Measures a trained net on the test images of a data set, resized to what the net takes.

    Args:
        net: A folder of `genocc train`, a .safetensors file of a net, or an .onnx or .xml file.
        data: As for `genocc.search`; a training run's own where not given.
        limit: At most so many images, evenly spaced; all where not given.
        batch: Images per batch [128].
        provider: Where the net is run: ``cpu`` or ``cuda``.
        pixels: Input of an .onnx or .xml file that does not say it: ``uint8``, ``unit`` (0..1) or ``normalized``.
        runtime: Name of what runs the net [the first that reads such files].
        split_seed: Seed of the choice of test images where a folder has none of its own [the run's, or 0].
        center_crop: Share of the side of each image's middle that is taken, as in trainings [the run's, or all of it].
        download: Whether a missing data set may be fetched.
        note: Told what else is worth knowing.

    Raises:
        DataError: The images cannot be used, or are not those of the net's classes.
        GenoccError: As `open_net`.
    """
    arguments.path(net, "net")
    for name, value, least in (("--limit", limit, 1), ("--batch", batch, 1), ("--split-seed", split_seed, 0)):
        if value is not None:
            arguments.whole(value, name, least)
    if center_crop is not None and not 0 < center_crop <= 1:
        raise DataError(f"--center-crop {center_crop:g}: expected a share of the side, above 0 and up to 1")
    own = read_training(net)[0].data.model_dump(mode="json") if Path(net).is_dir() else {}
    opened = open_net(net, provider=provider, pixels=pixels, runtime=runtime)
    batch = min(_batch_size(opened, batch), MAX_BATCH)
    if data is not None:  # the place is that of the run's own data
        own = {name: own[name] for name in ("split_seed", "center_crop") if name in own}
    wanted = {**own, **data_fields(data)}
    if "name" not in wanted:
        raise DataError(
            f"--data is missing: {net} does not say what images it is for; name them, such as --data cifar10 or --data "
            "FOLDER"
        )
    seed = wanted.get("split_seed", 0) if split_seed is None else split_seed
    folder = Path(wanted["folder"]) if wanted.get("folder") else None
    crop = wanted.get("center_crop") if center_crop is None else center_crop
    found = load(DataRequest(wanted["name"], folder, download, _size(opened), seed, crop))
    images = evaluation_images(opened, found, limit)
    trained = own.get("split_seed") if data is None or not own else trained_split(net, found)
    for remark in (found.note, split_remark(found, split_seed, trained)):
        if remark:
            note(remark)
    if center_crop not in (None, 1) and isinstance(found.test, MemoryImages):
        note("--center-crop has no effect: images of this size are held in memory, and measured whole")
    if Path(net).is_dir() and not (Path(net) / RUN_LAST).exists():
        epochs = len(read_epochs(net))
        note(f"{net}: the training is not finished; these are the best weights of its first {epochs} epochs")
    known = KnownData.read(net) if data is None and read_known_data(net) is not None else None
    if known and (difference := known.difference(found.identity())):
        note(
            f"the images are not those of the training: {difference}; where the data set has no test part, some of "
            "those that are measured were trained on"
        )
    begun = time.perf_counter()
    with adaptive_waiting(torch.get_num_threads(), note):
        accuracy = measure(_run(opened, found), batches(opened, found, images, batch))
    seconds = time.perf_counter() - begun
    return Evaluation(str(net), found.name, accuracy, seconds, opened.runtime, opened.provider, opened.weights)


def trained_split(run: str | Path, data: DataSet) -> int | None:
    """Returns the seed by which a training chose its test images among these; None where it was on others."""
    if read_known_data(run) is not None and KnownData.read(run).difference(data.identity()):
        return None
    return read_training(run)[0].data.split_seed


def split_remark(data: DataSet, asked: int | None, trained: int | None) -> str:
    """What to know of how the test images were chosen.

    Args:
        data: The images.
        asked: The seed of ``--split-seed``, if given.
        trained: That of the training, if it was on these images; None where that is not known.
    """
    if data.split_seed is None:
        return "" if asked is None else "--split-seed has no effect: the data set has a test part of its own"
    if trained is None:
        return (
            f"the folder has no test part, and split seed {data.split_seed} chooses the images that are measured: if "
            "the net was trained on images of this folder, it was trained on some of them, unless with the same "
            "data.split_seed on the same folder"
        )
    if data.split_seed != trained:
        return (
            f"the folder has no test part, and the training chose its test images with split seed {trained}, not "
            f"{data.split_seed}: if it was on these images, some of those that are measured were trained on"
        )
    return ""


def _run(net: TrainedNet, data: DataSet) -> Callable[[Tensor], Tensor]:
    """The net's function; DataError where its outputs are not finite, or of another number of classes than the data."""

    def run(images: Tensor) -> Tensor:
        outputs = net.run(images)
        if outputs.shape[1] != len(data.classes):
            raise DataError(
                f"{net.where}: gives {outputs.shape[1]} classes; data set '{data.name}' has {len(data.classes)}: "
                "it was trained on another one"
            )
        if not outputs.isfinite().all():
            raise DataError(
                f"{net.where}: gives outputs that are not finite; its weights are damaged, or its training has diverged"
            )
        return outputs

    return run


def _batch_size(net: TrainedNet, asked: int | None) -> int:
    if net.batch and asked not in (None, net.batch):
        raise DataError(f"--batch {asked}: {net.where} takes {net.batch} at a time; leave --batch out")
    return net.batch or asked or BATCH


def _size(net: TrainedNet) -> int | tuple[int, int] | None:
    """Height and width that the net takes; None where it takes any size, and the one that it says where it says one."""
    _, height, width = net.shape
    return (height, width) if height and width else height or width


def evaluation_images(net: TrainedNet, data: DataSet, limit: int | None = None) -> Images:
    """Returns the test images of a data set, or ``limit`` of them, evenly spaced.

    Raises:
        DataError: There are none, they cannot be decoded, or they do not fit the net: other classes, another size.
    """
    if net.classes is not None and net.classes != len(data.classes):
        raise DataError(
            f"{net.where}: has {net.classes} classes; data set '{data.name}' has {len(data.classes)}: "
            "it was trained on another one"
        )
    if net.class_names and net.class_names != data.classes:
        pairs = zip(net.class_names, data.classes, strict=True)
        number, (mine, other) = next((n, pair) for n, pair in enumerate(pairs) if pair[0] != pair[1])
        raise DataError(
            f"{net.where}: calls class {number} '{mine}'; data set '{data.name}' calls it '{other}': "
            "it was trained on another one, or with its classes in another order"
        )
    if not len(data.test):
        raise DataError(f"data set '{data.name}' has no test images")
    found = (data.test.channels, *data.test.size)
    if any(size not in (None, other) for size, other in zip(net.shape, found, strict=True)):
        expected = "x".join("any" if size is None else str(size) for size in net.shape)
        raise DataError(
            f"{net.where}: takes images of {expected} (channels, height, width); those of data set '{data.name}' are "
            f"{'x'.join(map(str, found))}"
        )
    count = min(limit or len(data.test), len(data.test))
    images = data.test.subset(torch.arange(count) * len(data.test) // count)
    images.check()
    return images


def batches(net: TrainedNet, data: DataSet, images: Images, batch: int) -> Iterator[Batch]:
    """Yields images of a data set in order, with pixels as the net takes them."""
    if net.pixels == "uint8":
        for indices in torch.split(torch.arange(len(images)), batch):
            pixels = images.start(indices, 0, False, None)()
            yield pixels.permute(0, 3, 1, 2), images.labels[indices]
        return
    if net.pixels == "unit":
        mean, std = (0.0,) * images.channels, (1.0,) * images.channels
    else:
        mean, std = net.normalization or (data.mean, data.std)
    found = Batches(images, min(batch, len(images)), seed=0, stream="test", mean=mean, std=std, device=net.device)
    yield from found.in_order(batch)
