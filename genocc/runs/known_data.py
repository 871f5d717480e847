"""The data that a run began with: noted in config.json, and compared, class by class, when the run goes on.

A note costs next to no reading of images: it has the names of the classes, the number of images per class in either
part, a digest per class of the names and sizes of its files, and one of the content of three of them. Another image
whose content changed while its size did not goes unnoticed. Of images that another package or a program gives, the
digests are of pixels (`genocc.data.own`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from genocc.errors import RunError
from genocc.runs.reading import CONFIG, read_known_data

_SHOWN = 3


class KnownData(BaseModel):
    """What a run notes of its data.

    Attributes:
        name: Of the data set.
        classes: Their names in order, which labels are numbers of.
        train: Number of training images per class.
        test: Number of test images per class.
        digests: Of names and sizes of the files per class; empty for a data set without files of its own.
        samples: Of the content of a few files per class; empty as ``digests``, and in notes of older versions.
        form: Size, normalization and mirroring of another package's or a program's images; empty for others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    classes: tuple[str, ...]
    train: tuple[Annotated[int, Field(ge=0)], ...]
    test: tuple[Annotated[int, Field(ge=0)], ...]
    digests: tuple[str, ...]
    samples: tuple[str, ...] = ()
    form: str = ""

    @classmethod
    def read(cls, folder: str | Path) -> KnownData:
        """Returns what the run in a folder has noted; raises RunError where it has not, or in another form."""
        try:
            found = cls.model_validate_json(json.dumps(read_known_data(folder)))
            lists = (found.train, found.test, found.digests or found.classes, found.samples or found.classes)
            if {len(one) for one in lists} != {len(found.classes)}:
                raise ValueError
        except ValueError:  # a ValidationError is one
            raise RunError(
                f"{Path(folder) / CONFIG}: does not say what data the run began with; was it written by an older "
                "version of genocc? Start a new run"
            ) from None
        return found

    def difference(self, found: Mapping[str, Any]) -> str:
        """Returns in what other data (`DataSet.identity`) differ, in words; empty where they do not."""
        other = KnownData.model_validate_json(json.dumps(found))
        if not (self.samples and other.samples):
            return self.model_copy(update={"samples": ()})._difference(other.model_copy(update={"samples": ()}))
        return self._difference(other)

    def _difference(self, other: KnownData) -> str:
        if self == other:
            return ""
        if self.name != other.name:
            return f"data set '{other.name}', not '{self.name}'"
        if sorted(self.classes) != sorted(other.classes):
            gone = [name for name in self.classes if name not in set(other.classes)]
            new = [name for name in other.classes if name not in set(self.classes)]
            return " and ".join(
                f"{_listed(names)} {'is' if len(names) == 1 else 'are'} {what}"
                for names, what in ((gone, "gone"), (new, "new"))
                if names
            )
        if self.classes != other.classes:
            return "the classes are in another order"
        if self.form != other.form:
            return f"{other.form or 'images of no form that is noted'}, not {self.form or 'of no form that was noted'}"
        return self._in_files(other)

    def _in_files(self, other: KnownData) -> str:
        old, new = (list(zip(one.train, one.test, strict=True)) for one in (self, other))
        counts = [number for number in range(len(old)) if old[number] != new[number]]
        if counts:
            first = counts[0]
            (train, test), (train_now, test_now) = old[first], new[first]
            return (
                f"class '{self.classes[first]}' has {train_now + test_now:,} images ({train_now:,} to train on, "
                f"{test_now:,} to test on), and had {train + test:,} ({train:,} and {test:,})"
                + (f"; {len(counts) - 1:,} more classes have other numbers too" if len(counts) > 1 else "")
            )
        changed = _unequal(self.classes, self.digests, other.digests)
        if self.form and changed:
            return f"the images of {_listed(changed)} are others, or in another order"
        if not changed and (replaced := _unequal(self.classes, self.samples, other.samples)):
            return f"the files of {_listed(replaced)} have another content, with the names and sizes that they had"
        return f"the files of {_listed(changed)} have other names or sizes" if changed else "its files are others"


def _unequal(classes: Sequence[str], old: Sequence[str], new: Sequence[str]) -> list[str]:
    return [name for name, one, two in zip(classes, old, new, strict=False) if one != two]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name[:60]}'" for name in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f"{'class' if len(names) == 1 else 'classes'} {shown}{more}"
