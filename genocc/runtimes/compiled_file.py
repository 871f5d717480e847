"""What runtimes read: a compiled file, read once, with what it says about itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self


class CompiledFile(ABC):
    """A file, or the same in memory.

    Attributes:
        where: What messages call it.
        suffix: Of such files.
        runtimes: The runtimes that verify it unless told otherwise; the first one evaluates it.
    """

    where: str
    suffix: ClassVar[str]
    runtimes: ClassVar[tuple[str, ...]]

    @classmethod
    @abstractmethod
    def read(cls, path: str | Path, where: str) -> Self:
        """Reads a file; raises FileError, and TargetError if it is damaged."""

    @property
    @abstractmethod
    def metadata(self) -> Mapping[str, str]:
        """What the file says about itself, as `Provenance` reads it; raises TargetError if the file is damaged."""


@dataclass(frozen=True)
class Port:
    """An input or an output of a file.

    Attributes:
        name: In the file.
        shape: Sizes; a text or None where a size is not fixed.
        type: Of the elements, as ONNX Runtime writes it: ``tensor(float)``, ``tensor(uint8)``.
    """

    name: str
    shape: Sequence[int | str | None]
    type: str
