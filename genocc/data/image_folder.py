"""Any folder with a folder of images for each class: ImageNet, Tiny-ImageNet-200, your own.

A subfolder ``train`` beside ``val``, ``validation`` or ``test`` is the training part and the other one the test part
(``val_annotations.txt``, which Tiny-ImageNet-200 has instead of class folders there, is understood); otherwise a fifth
of each class, chosen by ``split_seed``, is the test part. Images of up to 96x96 are held in memory; larger ones are
decoded when a batch needs them, with ImageNet's random resized crop.
"""

from __future__ import annotations

from pathlib import Path

import torch

from genocc.data.dataset import DataRequest, DataSet
from genocc.data.files import class_files, decode_all, image_files, image_size
from genocc.data.images import FileImages, Images, MemoryImages, check_memory
from genocc.data.split import split
from genocc.errors import DataError

IN_MEMORY = 96
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet, as is customary for photographs."""


def load(request: DataRequest) -> DataSet:
    """Returns the folder's images.

    Raises:
        DataError: The folder or a class is missing or empty, a file is broken, or a class has too few images.
    """
    if request.folder is None:
        raise DataError("imagefolder: no folder given; name it as --data imagefolder:FOLDER")
    folder = request.folder.expanduser()
    test = next((folder / name for name in ("val", "validation", "test") if (folder / name).is_dir()), None)
    if test is None or not (folder / "train").is_dir():
        classes = class_files(folder)
        size = request.size or _natural(classes)
        images = _images(classes, list(classes), size)
        parts = split(images.labels, (0.8, 0.2), request.split_seed, list(classes), str(folder))
        train_images, test_images = (images.subset(part) for part in parts)
    else:
        classes = class_files(folder / "train")
        size = request.size or _natural(classes)
        train_images = _images(classes, list(classes), size)
        test_images = _images(_test_files(test, classes), list(classes), size)
    return DataSet("imagefolder", tuple(classes), MEAN, STD, train_images, test_images)


def _images(files: dict[str, list[Path]], classes: list[str], size: int) -> Images:
    paths = [path for name in files for path in files[name]]
    number = {name: label for label, name in enumerate(classes)}
    labels = torch.tensor([number[name] for name in files for _ in files[name]])
    if size > IN_MEMORY:
        return FileImages(paths, labels, size)
    check_memory(len(paths), size)
    return MemoryImages(decode_all(paths, size), labels)


def _natural(files: dict[str, list[Path]]) -> int:
    """The size of the first image; DataError where it is too large to be held in memory."""
    path = next(iter(files.values()))[0]
    height, width = image_size(path)
    if (size := min(height, width)) > IN_MEMORY:
        raise DataError(f"{path}: {width}x{height}; choose the size of the images with --input-size 224")
    return size


def _test_files(folder: Path, classes: dict[str, list[Path]]) -> dict[str, list[Path]]:
    annotations = folder / "val_annotations.txt"
    files = _annotated(annotations) if annotations.is_file() else class_files(folder)
    for name in files:
        if name not in classes:
            raise DataError(f"{folder}: class '{name}' is not among the {len(classes)} classes of the training part")
    return files


def _annotated(path: Path) -> dict[str, list[Path]]:
    """Tiny-ImageNet-200: lines of file name, class and box, separated by tabs, for the files in ``images``."""
    present = {file.name: file for file in image_files(path.parent / "images")}
    files: dict[str, list[Path]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        name, _, rest = line.partition("\t")
        if name not in present or not rest:
            raise DataError(f"{path}: line {number} names no file in {path.parent / 'images'}: {line[:60]!r}")
        files.setdefault(rest.partition("\t")[0], []).append(present[name])
    return files
