"""What a data set is, and where they are found: entry points, so that another package's sets are peers of ours.

To add one, write a function from `Source` to `DataSet`; an entry point of the group ``genocc.datasets`` makes it known
to every command, `register` to the programs that call it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from genocc.data.images import Images
from genocc.errors import DataError

BUILT_IN = ("digits", "fake")
"""Data sets that come with genocc, and have no files of their own."""
DATASETS = "genocc.datasets"
"""Entry-point group of the data sets."""


@dataclass(frozen=True)
class Source:
    """Which data set is wanted, and how.

    Attributes:
        name: ``digits``, ``cifar10``, ``cifar100``, ``imagefolder``, ``fake``, or a data set of another package.
        folder: Where its files are: the class folders of ``imagefolder``; elsewhere what a download fills.
        download: Whether a missing data set may be fetched.
        size: Height and width that images are resized to; the data set's own where not given.
        split_seed: Of the choice of test images where a data set has none of its own.
    """

    name: str
    folder: Path | None = None
    download: bool = False
    size: int | None = None
    split_seed: int = 0

    @property
    def cache(self) -> Path:
        """The folder for files that are fetched: ``~/.cache/genocc/data`` unless told otherwise."""
        return (self.folder or Path("~/.cache/genocc/data")).expanduser()


@dataclass(frozen=True)
class DataSet:
    """Images with what a net and its users must know about them.

    Attributes:
        name: As in `Source`.
        classes: Their names; labels are positions in this tuple.
        mean: Of each channel, of pixels scaled to 0..1; subtracted first.
        std: Of each channel; divided by then.
        train: What searching and training may see.
        test: What they may not; only for a final evaluation.
        flip: Whether a mirrored image is still one of its class.
    """

    name: str
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    train: Images
    test: Images
    flip: bool = True

    def __post_init__(self) -> None:
        if len(self.classes) < 2:
            raise DataError(f"data set '{self.name}': {len(self.classes)} class; expected at least two")
        for part in (self.train, self.test):
            if len(part) and not 0 <= int(part.labels.min()) <= int(part.labels.max()) < len(self.classes):
                raise DataError(f"data set '{self.name}': a label outside of its {len(self.classes)} classes")


Loader = Callable[[Source], DataSet]

_REGISTERED: dict[str, Loader] = {}


def register(name: str, loader: Loader) -> None:
    """Adds a data set for the rest of this process; a name registered before is replaced, as a notebook's cell may.

    Raises:
        DataError: The name is that of an installed data set, or has a colon in it.
    """
    if name in entry_points(group=DATASETS).names:
        raise DataError(f"data set '{name}' exists already; choose another name")
    if not name or ":" in name:
        raise DataError(f"data set '{name}': not a name; expected one without a colon (what follows it is the folder)")
    _REGISTERED[name] = loader


def datasets() -> list[str]:
    """Returns the names of all data sets, those of other packages included."""
    return sorted({*entry_points(group=DATASETS).names, *_REGISTERED})


def load(source: Source) -> DataSet:
    """Returns a data set; images in files that are not in memory are checked by `Images.check`.

    Raises:
        DataError: It is unknown, absent, broken, too large, or a class has too few images.
    """
    if source.name in _REGISTERED:
        return _REGISTERED[source.name](source)
    found = {entry.name: entry for entry in entry_points(group=DATASETS)}
    if source.name not in found:
        close = difflib.get_close_matches(source.name, datasets(), n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        raise DataError(
            f"there is neither a data set nor a folder '{source.name}'; {hint}expected {', '.join(datasets())}, or a "
            "folder with a folder of images for each class"
        )
    if source.folder and source.name in BUILT_IN:
        raise DataError(f"--data {source.name}:{source.folder}: '{source.name}' is built in; name it without a folder")
    loader: Loader = found[source.name].load()
    return loader(source)
