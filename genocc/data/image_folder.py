"""Any folder with a folder of images for each class: ImageNet, Tiny-ImageNet-200, your own.

A subfolder ``train`` beside one of ``TEST_PARTS`` is the training part and the other one the test part
(``val_annotations.txt``, which Tiny-ImageNet-200 has instead of class folders there, is understood); otherwise a fifth
of each class, chosen by ``split_seed``, is the test part. Images of up to 96x96 pixels are held in memory; larger ones
are decoded when a batch needs them, with ImageNet's random resized crop.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from genocc.data.dataset import DataRequest, DataSet, expanded
from genocc.data.files import (
    Size,
    class_files,
    composed,
    decode_all,
    digest,
    image_files,
    listed_endings,
    middle,
    readable,
    sample,
)
from genocc.data.images import FileImages, Images, MemoryImages, check_memory
from genocc.data.rgb import image_size
from genocc.data.split import split
from genocc.errors import DataError

IN_MEMORY = 96
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet, as is customary for photographs."""
ANNOTATIONS = "val_annotations.txt"
MAX_LINE = 4096
"""The longest line of it, in bytes."""

UNEQUAL = 2
"""Sizes of images that differ by more than this factor are named."""

TEST_PARTS = ("val", "validation", "valid", "test")
"""Names of a test part; the first that is there counts."""
_PARTS = {"train", "training"}, {*TEST_PARTS, "testing", "dev", "eval", "evaluation"}
"""What people call the two parts of a data set, in small letters."""

_PARTS_IN_NAMES = tuple(
    re.compile(rf"(?<![a-z])({names})(?![a-z])")
    for names in ("train|training|trainval", "|".join((*TEST_PARTS, "testing")))
)
"""A training part, and another one, as a word in a name."""

Files = Mapping[str, list[Path]]
"""Class name -> image files."""


def load(request: DataRequest) -> DataSet:
    """Returns the folder's images.

    Raises:
        DataError: The folder or a class is missing or empty, a file is broken, or a class has too few images.
    """
    if request.folder is None:
        raise DataError("imagefolder: no folder given; name it as --data imagefolder:FOLDER")
    folder = expanded(request.folder)
    with readable(folder):
        tests = [folder / name for name in TEST_PARTS if (folder / name).is_dir()]
        divided = bool(tests) and (folder / "train").is_dir()
    left_out: Counter[str] = Counter()
    training = class_files(folder / "train" if divided else folder, left_out)
    classes = tuple(training)
    if not divided:
        _refuse_parts(folder, classes)
    _refuse_one(folder / "train" if divided else folder, training)
    parts: list[Files] = [training]
    if divided:
        parts.append(_test_files(tests[0], classes, left_out))
    size = request.sides(_natural(training) if request.size is None else 0)
    labels = [_labels(part, classes) for part in parts]
    if len(parts) == 1:  # a wrong split shows before anything is decoded
        chosen = split(labels[0], (0.8, 0.2), request.split_seed, classes, str(folder))
    height, width = size
    notes = [_unused(tests if divided else []), _unread(folder, left_out)]
    notes += [_untested(tests[0], parts[1], classes)] if divided else []
    notes.append(_nested(training, folder / "train" if divided else folder))
    images: list[Images] = []
    if height * width <= IN_MEMORY**2:
        check_memory(sum(map(len, labels)), size)
    box = None if request.center_crop is None else middle(size, request.center_crop)
    paths = [[path for files in part.values() for path in files] for part in parts]
    if height * width > IN_MEMORY**2:
        images += [FileImages(some, numbers, size, box) for some, numbers in zip(paths, labels, strict=True)]
    else:  # whole: they are trained on without resized crops
        decoded = [decode_all(some, size) for some in paths]
        images += [MemoryImages(pixels, numbers) for (pixels, _), numbers in zip(decoded, labels, strict=True)]
        sides, files = torch.cat([own for _, own in decoded]), [path for some in paths for path in some]
        notes += [_cropped(folder, sides, size), _unequal(files, sides) if request.size is None else ""]
    if len(parts) == 1:
        images = [images[0].subset(some) for some in chosen]
    return DataSet(
        "imagefolder",
        classes,
        MEAN,
        STD,
        images[0],
        images[1],
        digests=tuple(_digest(folder, name, parts) for name in classes),
        samples=tuple(sample([path for part in parts for path in part.get(name, ())]) for name in classes),
        split_seed=request.split_seed if len(parts) == 1 else None,
        note="; ".join(filter(None, notes)),
    )


def _refuse_parts(folder: Path, classes: Sequence[str]) -> None:
    """Refuses parts of a data set under other names, which would be taken for classes."""
    training, test = _PARTS
    names = {name.lower() for name in classes}
    found = (names & training and names & test) or names <= training | test
    # seg_train and seg_test, training_set and test_set, train2017, trainval: not where they are few among other classes
    kinds = [{kind for kind in _PARTS_IN_NAMES if kind.search(name)} for name in sorted(names)]
    if found or (set().union(*kinds) >= set(_PARTS_IN_NAMES) and 2 * sum(map(bool, kinds)) >= len(kinds)):
        listed = ", ".join(f"'{name[:60]}'" for name in classes[:5])
        raise DataError(
            f"{folder}: {listed} look like parts of a data set, not like classes; expected 'train' beside one of "
            f"{', '.join(TEST_PARTS)}, or a folder of images for each class: rename them"
        )


def _refuse_one(folder: Path, training: Files) -> None:
    """Refuses a folder of one class folder, and says where the classes may be: archives have a folder around them."""
    (name, files), *others = training.items()
    if not others and all(_is_deeper(folder, path) for path in files):
        raise DataError(f"{folder}: 1 class, '{name[:60]}'; expected at least two: are they in {folder / name}?")


def _is_deeper(folder: Path, path: Path) -> bool:
    """Whether a file is in a folder within its class folder."""
    return len(path.relative_to(folder).parts) > 2


def _nested(training: Files, folder: Path) -> str:
    """Folders of the same names in several class folders, which may be the classes: of domains, or of folds."""
    inner: Counter[str] = Counter()
    for files in training.values():
        inner.update({path.parent.name for path in files if _is_deeper(folder, path)})
    repeated = sorted(name for name, count in inner.items() if count > 1)
    if len(repeated) < 2:
        return ""
    outer, within = (
        ", ".join(f"'{name[:60]}'" for name in some[:3]) + (", ..." if len(some) > 3 else "")
        for some in (list(training), repeated)
    )
    return f"{folder}: the classes are {outer}; the folders {within} in several of them are not told apart"


def _unused(tests: Sequence[Path]) -> str:
    if len(tests) < 2:
        return ""
    return f"{tests[0]} is the test part; {', '.join(path.name for path in tests[1:])} beside it is left out"


def _untested(folder: Path, files: Files, classes: Sequence[str]) -> str:
    """Classes and images of the test part that no accuracy says anything about."""
    notes = []
    if absent := [name for name in classes if name not in files]:
        named = ", ".join(f"'{name[:60]}'" for name in absent[:3]) + (", ..." if len(absent) > 3 else "")
        notes.append(f"{folder} has no images of {len(absent):,} of {len(classes):,} classes ({named})")
    if (annotations := _annotations(folder, classes)) is not None:
        listed, there = sum(map(len, files.values())), len(image_files(folder / "images"))
        if listed < there:
            notes.append(f"{annotations} names {listed:,} of {there:,} images; the others are left out")
    return "; ".join(notes)


def _labels(files: Files, classes: Sequence[str]) -> Tensor:
    number = {name: label for label, name in enumerate(classes)}
    return torch.tensor([number[name] for name, paths in files.items() for _ in paths])


def _digest(folder: Path, name: str, parts: Sequence[Files]) -> str:
    return digest((path for part in parts for path in part.get(name, ())), folder)


def _unread(folder: Path, left_out: Counter[str]) -> str:
    if not (count := left_out.total()):
        return ""
    files = "file is" if count == 1 else "files are"
    return (
        f"{folder}: {count:,} {files} left out, whose ending is none of an image that is read "
        f"({listed_endings(left_out)}); convert images to PNG or JPEG"
    )


def _unequal(paths: Sequence[Path], sides: Tensor) -> str:
    """The first image sets the size of all, where none is asked for."""
    shorter = sides.amin(1)
    first, least, most = int(shorter[0]), int(shorter.argmin()), int(shorter.argmax())
    far = max((least, most), key=lambda one: max(first / int(shorter[one]), int(shorter[one]) / first))
    if max(first, int(shorter[far])) <= UNEQUAL * min(first, int(shorter[far])):
        return ""
    shown = ["{}x{}".format(*sides[one].tolist()) for one in (0, far)]
    return (
        f"all images become {first}x{first}, as the first, {paths[0]}, has {shown[0]} (height and width); "
        f"{paths[far]} has {shown[1]}: choose the size with --input-size"
    )


def _cropped(folder: Path, sides: Tensor, size: Size) -> str:
    height, width = size
    cropped, count = int((sides[:, 1].long() * height != sides[:, 0].long() * width).sum()), len(sides)
    if not cropped:
        return ""
    middle = "middle square" if height == width else f"middle of the shape {height}x{width}"
    return (
        f"{folder}: of {cropped:,} of {count:,} images, whose shape is another, the {middle} is taken; "
        "a search or training with --input-size HxW, such as 64x300, takes other shapes"
    )


def _natural(files: Files) -> int:
    """The size of the first image; DataError where it is too large to be held in memory."""
    path = next(iter(files.values()))[0]
    height, width = image_size(path)
    if (size := min(height, width)) > IN_MEMORY:
        raise DataError(f"{path}: {width}x{height}; choose the size of the images with --input-size 224")
    return size


def _annotations(folder: Path, classes: Collection[str]) -> Path | None:
    """The file that names the classes of a test part; None where class folders do, as scripts sort the images."""
    path, images = folder / ANNOTATIONS, folder / "images"
    with readable(folder):
        if not path.is_file():
            return None
        moved = not images.is_dir() or not any(images.iterdir())
        return None if moved and any((folder / name).is_dir() for name in classes) else path


def _test_files(folder: Path, classes: Sequence[str], left_out: Counter[str]) -> Files:
    if (annotations := _annotations(folder, classes)) is not None:
        return _annotated(annotations, frozenset(classes), left_out)
    files = class_files(folder, left_out)
    for name in files:
        _check_class(folder, name, classes)
    return files


def _check_class(where: Path | str, name: str, classes: Collection[str]) -> None:
    if name not in classes:
        raise DataError(f"{where}: class '{name[:60]}' is not among the {len(classes)} classes of the training part")


def _annotated(path: Path, classes: Collection[str], left_out: Counter[str]) -> Files:
    """Tiny-ImageNet-200: lines of file name, class and box, separated by tabs, for the files in ``images``."""
    images = path.parent / "images"
    present = {file.name: file for file in image_files(images, left_out=left_out)}
    files: dict[str, list[Path]] = {}
    with readable(path), open(path, "rb") as stream:
        for number, line in enumerate(iter(lambda: stream.readline(MAX_LINE), b""), start=1):
            where = f"{path}: line {number}"
            try:
                name, _, rest = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n").partition("\t")
            except UnicodeDecodeError:
                raise DataError(f"{where} is not UTF-8: {line[:60]!r}; convert the file to UTF-8") from None
            if name not in present or not rest:
                raise DataError(f"{where} names no file in {images}, or names it twice: {name[:60]!r}")
            kind = composed(rest.partition("\t")[0])
            _check_class(where, kind, classes)
            files.setdefault(kind, []).append(present.pop(name))
    if not files:
        raise DataError(f"{path}: is empty; expected a line for each file in {images}")
    return files
