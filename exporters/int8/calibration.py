"""Images to calibrate an int8 file on, and others to measure what it loses on.

Calibration takes training images, evenly spaced and without augmentation; accuracies are measured on all test images.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from genocc.data import DataRequest, DataSet, Images, load
from genocc.data.settings import data_fields, load_data
from genocc.errors import DataError
from genocc.provenance import Provenance
from genocc.runs.reading import CONFIG, TRAIN, read_command
from genocc.training.evaluation import batches, evaluation_images, split_remark, trained_split
from genocc.training.result import read_training
from genocc.training.trained_net import TrainedNet, described_net
from genocc.training.trainer import training_parts

Array = NDArray[Any]
BATCH = 64


@dataclass(frozen=True)
class Calibration:
    """Images of one data set, as the float32 file takes them.

    Attributes:
        data: The data set.
        net: What the images have to be like.
        images: (N, C, H, W), of the training images.
        remark: What is to be known of the images; empty where nothing is.
    """

    data: DataSet
    net: TrainedNet
    images: Array
    remark: str = ""

    def held_out(self, batch: int = BATCH, limit: int | None = None) -> Iterator[tuple[Array, Array]]:
        """Yields all test images (B, C, H, W), or ``limit`` of them, with their labels (B,)."""
        found = evaluation_images(self.net, self.data, limit)
        for images, labels in batches(self.net, self.data, found, batch):
            yield np.ascontiguousarray(images.numpy()), labels.numpy()


def read_calibration(text: str, provenance: Provenance, count: int, run: str | None = None) -> Calibration:
    """Returns images for a net.

    Args:
        text: As for ``--data``, or the folder of a training run, which takes the images that it was trained on.
        provenance: Of the net.
        count: Number of images to calibrate on, or all where there are fewer.
        run: Folder of the training that the net is of, if there was one: images without a test part are divided as it
            divides them, and measured as it measures them.

    Raises:
        DataError: The images cannot be used, or are not those of the net's classes.
    """
    net = described_net(provenance, "the net")
    if _is_training(text):
        data, training = _run_images(run := text)
    else:
        data, training = _images(text, net, run)
    trained = None if run is None else trained_split(run, data)
    remark = "; ".join(filter(None, (data.note, split_remark(data, None, trained))))
    evaluation_images(net, data)  # whose classes and sizes are checked
    count = min(count, len(training))
    chosen = training.subset(torch.arange(count) * len(training) // count)
    chosen.check()
    parts = [images.numpy() for images, _ in batches(net, data, chosen, BATCH)]
    return Calibration(data, net, np.concatenate(parts), remark)


def _is_training(text: str) -> bool:
    try:
        return (Path(text) / CONFIG).is_file() and read_command(Path(text)) == TRAIN
    except (OSError, ValueError):  # too long for a name, a NUL byte
        return False


def _run_images(run: str) -> tuple[DataSet, Images]:
    wanted = read_training(run)[0].data
    data = load_data(wanted, resume=True)
    return data, training_parts(data, wanted)[0]


def _images(text: str, net: TrainedNet, run: str | None) -> tuple[DataSet, Images]:
    try:
        fields = data_fields(text)
        folder = Path(fields["folder"]) if fields.get("folder") else None
        _, height, width = net.shape
        assert height is not None
        assert width is not None
        request = DataRequest(fields["name"], folder, size=(height, width))
        if run is not None:
            own = read_training(run)[0].data
            request = replace(request, split_seed=own.split_seed, center_crop=own.center_crop)
        data = load(request)
    except DataError as error:
        raise DataError(f"--calibrate {text[:100]}: {str(error).removeprefix('--data: ')}") from None
    return data, data.train
