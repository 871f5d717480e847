"""What a data set is, and where they are found: entry points, so that another package's sets are peers of ours.

To add one, write a function from `DataConfig` to `DataSet` and register it in the entry-point group
``genocc.datasets``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points

from genocc.errors import DataError

from .config import DataConfig
from .images import Images

DATASETS = "genocc.datasets"
"""Entry-point group of the data sets."""


@dataclass(frozen=True)
class DataSet:
    """Images with what a net and its users must know about them.

    Attributes:
        name: As in `DataConfig`.
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


def datasets() -> list[str]:
    """Returns the names of all data sets, those of other packages included."""
    return sorted(entry_points(group=DATASETS).names)


def load(config: DataConfig) -> DataSet:
    """Returns a data set, its images checked.

    Raises:
        DataError: It is unknown, absent, broken, too large, or a class has too few images.
    """
    found = {entry.name: entry for entry in entry_points(group=DATASETS)}
    if config.name not in found:
        raise DataError(
            f"unknown data set '{config.name}'; expected {', '.join(sorted(found))}, "
            "or a folder with a folder of images for each class (with a / in its name)"
        )
    loader: Callable[[DataConfig], DataSet] = found[config.name].load()
    return loader(config)
