"""Data sets and how they are found: by entry points, so that another package's data sets are peers of ours.

To add one, write a function from `DataRequest` to `DataSet`; an entry point of the group ``genocc.datasets`` makes it
known to every command, `register` to the programs that call it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from genocc import plugins
from genocc.data.files import Size, is_utf8
from genocc.data.images import Images
from genocc.data.own import digests_of, form_of
from genocc.errors import DataError, did_you_mean

BUILT_IN = ("digits", "fake")
"""Data sets that come with genocc, and have no files of their own."""
DATASETS = "genocc.datasets"
"""Entry-point group of the data sets."""


@dataclass(frozen=True)
class DataRequest:
    """The data set that is wanted.

    Attributes:
        name: ``digits``, ``cifar10``, ``cifar100``, ``imagefolder``, ``fake``, or a data set of another package.
        folder: Where its files are: the class folders of ``imagefolder``; elsewhere what a download fills.
        download: Whether a missing data set may be fetched.
        size: Height and width that images are resized to, one number where they are equal; the data set's own where not
            given. See `sides`.
        split_seed: Seed of the choice of test images where a data set has none of its own.
        center_crop: Share of the side of an image's middle that accuracies are measured on; None: the whole middle.
            It is for images that are trained on in resized crops; others are taken whole.
    """

    name: str
    folder: Path | None = None
    download: bool = False
    size: int | Size | None = None
    split_seed: int = 0
    center_crop: float | None = None

    @property
    def cache(self) -> Path:
        """The folder for downloads: ``folder``, or ``~/.cache/genocc/data`` where none is given."""
        return expanded(self.folder or Path("~/.cache/genocc/data"))

    def sides(self, own: int) -> Size:
        """Returns the height and width that are wanted, where images have ``own`` unless another size is given."""
        size = self.size or own
        return (size, size) if isinstance(size, int) else size


@dataclass(frozen=True)
class DataSet:
    """Labelled images with their classes and their normalization.

    Attributes:
        name: As in `DataRequest`.
        classes: Names of the classes; labels are positions in this tuple.
        mean: Per channel, of pixels scaled to 0..1; subtracted first.
        std: Per channel; divided by then.
        train: Images for searching and training.
        test: Images for the final evaluation alone.
        flip: Whether a mirrored image still belongs to its class.
        digests: Per class, of the names and sizes of its files; empty for a data set that comes with genocc without
            files of its own. `load` adds those of another package's or a program's images where they have none.
        samples: Per class, of the content of a few of its files; empty as ``digests``.
        form: What a run notes of how those images are; `load` adds it. Empty for the data sets of genocc.
        note: What its user should know of it, in a sentence; empty where there is nothing.
        split_seed: Seed by which the test images were chosen; None for a data set with a test part of its own.
    """

    name: str
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    train: Images
    test: Images
    flip: bool = True
    digests: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()
    form: str = ""
    note: str = ""
    split_seed: int | None = None

    def __post_init__(self) -> None:
        if len(self.classes) < 2:
            raise DataError(f"data set '{self.name}': {len(self.classes)} class; expected at least two")
        if bad := [name for name in self.classes if not is_utf8(name)]:
            raise DataError(f"data set '{self.name}': the class name {bad[0]!r} is not Unicode text; rename the class")
        fits = (0 <= mean <= 1 and 0 < std <= 1 for mean, std in zip(self.mean, self.std, strict=False))
        if len(self.mean) != len(self.std) or not all(fits):
            raise DataError(
                f"data set '{self.name}': found mean {self.mean} and deviation {self.std}; expected those of images in "
                "0..1, each from 0 to 1"
            )
        for part in (self.train, self.test):
            if len(part) and not 0 <= int(part.labels.min()) <= int(part.labels.max()) < len(self.classes):
                raise DataError(f"data set '{self.name}': a label outside of its {len(self.classes)} classes")

    def identity(self) -> dict[str, Any]:
        """Returns what a run notes of its data, as plain data: names of classes, images per class, digests of files."""
        train, test = (torch.bincount(part.labels, minlength=len(self.classes)) for part in (self.train, self.test))
        return {
            "name": self.name,
            "classes": list(self.classes),
            "train": train.tolist(),
            "test": test.tolist(),
            "digests": list(self.digests),
            **({"samples": list(self.samples)} if self.samples else {}),
            **({"form": self.form} if self.form else {}),
        }


def expanded(folder: Path) -> Path:
    """Returns a folder with the home directory in the place of ``~``; raises DataError where there is none."""
    try:
        return folder.expanduser()
    except RuntimeError:
        raise DataError(f"{folder}: there is no home directory of that user; write the path out") from None


Loader = Callable[[DataRequest], DataSet]

_REGISTERED: dict[str, Loader] = {}


def register(name: str, loader: Loader) -> None:
    """Adds a data set for this process; registering a name again, as a notebook does, replaces its loader.

    Raises:
        DataError: The name is that of an installed data set, is empty, or has a colon in it.
    """
    if name in plugins.names(DATASETS):
        raise DataError(f"data set '{name}' exists already; choose another name")
    if not name or ":" in name:
        raise DataError(f"data set '{name}': not a name; expected one without a colon (what follows it is the folder)")
    _REGISTERED[name] = loader


def datasets() -> list[str]:
    """Returns the names of all data sets, those of other packages included."""
    return sorted({*plugins.names(DATASETS), *_REGISTERED})


def load(request: DataRequest) -> DataSet:
    """Returns a data set; images in files that are not in memory are checked by `Images.check`.

    Raises:
        DataError: The data set is unknown, absent, broken or too large, or a class has too few images.
        GenoccError: Its package is broken.
    """
    if request.name in _REGISTERED:
        return _checked(request.name, _REGISTERED[request.name](request))
    if request.name not in plugins.names(DATASETS):
        raise DataError(
            f"there is neither a data set nor a folder '{request.name[:100]}'; "
            f"{did_you_mean(request.name, datasets())} (or a folder with a folder of images for each class)"
        )
    if request.folder and request.name in BUILT_IN:
        asked = f"{request.name}:{request.folder}"
        raise DataError(f"--data {asked}: '{request.name}' is built in; name it without a folder")
    loader = plugins.load(DATASETS, request.name, object)
    if not callable(loader):
        raise DataError(f"data set '{request.name}': its entry point is {type(loader).__name__}; expected a function")
    found: Any = loader(request)
    ours = getattr(loader, "__module__", "").startswith("genocc.data.")
    return found if ours else _checked(request.name, found)


def _checked(name: str, found: object) -> DataSet:
    """Returns what another package's or a program's function has returned, as runs note it."""
    if not isinstance(found, DataSet):
        raise DataError(f"data set '{name}': its function returned {type(found).__name__}; expected a DataSet")
    parts = (found.train, found.test)
    digests = found.digests or digests_of(parts, len(found.classes))
    return replace(found, digests=digests, form=form_of(found.train, found.mean, found.std, found.flip))
