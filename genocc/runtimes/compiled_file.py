"""What runtimes read: a compiled file, read once, with what it says about itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from genocc.errors import TargetError
from genocc.provenance import Provenance
from genocc.runtimes import MAX_BATCH


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


_OTHERS = {
    ".pt2": "a .pt2 file is compared with PyTorch as it is written, and torch.export.load(FILE).module() runs it",
    ".py": "Python source has no weights in it, and is compared with PyTorch as it is written",
    ".pt": "`genocc import-weights` reads checkpoints of PyTorch",
    ".pth": "`genocc import-weights` reads checkpoints of PyTorch",
}
"""Suffix -> what to know of a file that no runtime here reads, though people have reason to think so."""


@dataclass(frozen=True)
class Built:
    """Features of a file's graph that its metadata mention as well.

    Attributes:
        image: Its input.
        output: Its output.
        normalizes: Whether it begins with arithmetic on the image, as a normalization is.
        softmax: Whether it ends in a softmax.
    """

    image: Port
    output: Port
    normalizes: bool
    softmax: bool


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

    @abstractmethod
    def built(self) -> Built | None:
        """Returns the features of the graph; None where the file holds weights alone, so that metadata are the graph.

        Raises:
            TargetError: The file is damaged, or has not one input and one output.
        """

    def provenance(self) -> Provenance:
        """Returns where the file comes from; raises TargetError where its metadata are damaged or contradict it."""
        found = Provenance.from_metadata(self.metadata, self.where)
        check(found, self.built(), self.where)
        return found


def check(found: Provenance, built: Built | None, where: str) -> None:
    """Refuses metadata that contradict the graph of their file, and a graph of an impossible batch; raises TargetError.

    Args:
        found: What the metadata say.
        built: What the graph shows; sizes that it leaves open contradict nothing. None: the file holds weights alone.
        where: The file, for messages.
    """
    batch = built.image.shape[0] if built is not None and built.image.shape else None
    if isinstance(batch, int) and not 1 <= batch <= MAX_BATCH:
        raise TargetError(f"{where}: takes {batch:,} images at a time; expected 1 to {MAX_BATCH:,}")
    differences = _of_weights(found) if built is None else _of_graph(found, built)
    if (first := next(differences, None)) is not None:
        raise TargetError(f"{where}: contradicts its metadata: they say {first}; was it changed?")


def _of_weights(found: Provenance) -> Iterator[str]:
    for name, said in (("uint8 images", found.uint8_input), ("normalize", found.normalize), ("softmax", found.softmax)):
        if said:
            yield f"{name}, which a file of weights alone does not hold"


def _of_graph(found: Provenance, built: Built) -> Iterator[str]:
    config, image, output = found.config, built.image, built.output
    sizes = ((config.input_channels, *config.input_size), image.shape[1:]), ((config.classes,), output.shape[1:])
    for what, (said, has) in zip(("images of", "classes:"), sizes, strict=True):
        open_sizes = [one if isinstance(one, int) else None for one in has]
        if len(said) != len(has) or any(b not in (None, a) for a, b in zip(said, open_sizes, strict=True)):
            yield f"{what} {_sizes(said)}, its graph has {_sizes(open_sizes)}"
    if found.uint8_input != (image.type == "tensor(uint8)"):
        yield f"{'uint8' if found.uint8_input else 'float'} images, its graph takes {image.type}"
    normalizes = found.uint8_input or found.normalize is not None
    if normalizes and not built.normalizes:
        yield "that it normalizes images, its graph does not"
    if built.normalizes and not normalizes:
        yield "that images are normalized before, its graph begins with a normalization"
    if found.softmax and not built.softmax:
        yield "probabilities, its graph does not end in a softmax"
    if built.softmax and not found.softmax:
        yield "logits, its graph ends in a softmax"


def _sizes(sizes: Sequence[int | None]) -> str:
    return "x".join("any" if size is None else str(size) for size in sizes) or "none"


def refuse_others(path: str | Path) -> None:
    """Refuses a file of which others would say that it is no ONNX or no safetensors file; raises TargetError."""
    if reason := _OTHERS.get(Path(path).suffix if Path(path).is_file() else ""):
        raise TargetError(f"{path}: expected an .onnx, .xml or .safetensors file; {reason}")
