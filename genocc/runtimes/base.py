"""A runtime: what executes a compiled file, whether it is available here, and the function that it makes of one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from genocc.errors import TargetError
from genocc.runtimes.compiled_file import CompiledFile, Port

Array = NDArray[Any]
Infer = Callable[[Array], Array]
"""Images (N, C, H, W), of the type that the file takes -> outputs (N, classes)."""


@dataclass(frozen=True)
class InnerValues:
    """The values within a file.

    Attributes:
        names: Theirs.
        load: Loads what computes some of them, (N, ...) each in the order of their names.
    """

    names: frozenset[str]
    load: Callable[[Sequence[str]], Callable[[Array], list[Array]]]


@dataclass(frozen=True)
class LoadedNet:
    """A file that a runtime has loaded; what fails in it while it runs is a TargetError.

    Attributes:
        infer: Runs it.
        response: Loads what computes the logits (N, classes) without the classifier's bias; see
            `genocc.verification.Comparison` for their use. It raises TargetError if there is no classifier.
        provider: Where the runtime really runs it, in its own words.
        inputs: Of the file; empty where it is one image batch of any size, as nets of genocc have.
        outputs: Of the file.
        inner: The values within; None where the runtime does not show them.
    """

    infer: Infer
    response: Callable[[], Infer]
    provider: str
    inputs: Sequence[Port] = ()
    outputs: Sequence[Port] = ()
    inner: Callable[[], InnerValues] | None = None

    def observe(self, images: Array) -> tuple[Array, Array]:
        """Returns the outputs for images, and the logits without the classifier's bias."""
        return self.infer(images), self._response(images)

    @cached_property
    def _response(self) -> Infer:
        return self.response()

    @property
    def batch(self) -> int | None:
        """The only batch size that the file takes; None where it takes any."""
        size = self.inputs[0].shape[0] if self.inputs and self.inputs[0].shape else None
        return size if isinstance(size, int) else None


class Runtime(ABC):
    """An entry of the table, registered as an instance in the entry-point group ``genocc.runtimes`` under its name.

    A module of a runtime imports what the runtime needs only when it is used: the table lists those that are missing.

    Attributes:
        name: What ``--runtime`` calls it.
        title: Its name for people.
        reads: Suffixes of the files that it runs.
        providers: Where it can run them, on machines that have it.
        slow: How it is too slow to be timed or chosen unless asked for; empty where it is not.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    reads: ClassVar[tuple[str, ...]]
    providers: ClassVar[tuple[str, ...]] = ("cpu",)
    slow: ClassVar[str] = ""

    @abstractmethod
    def version(self) -> str | None:
        """Returns the version that is installed; None where there is none."""

    @abstractmethod
    def lacks(self, provider: str = "cpu") -> str | None:
        """Returns why a provider of ``providers`` is not available here, and what to do; None if it is available."""

    @abstractmethod
    def load(self, file: CompiledFile, provider: str = "cpu", threads: int | None = None) -> LoadedNet:
        """Loads a file, in the precision that it says: in float32 unless it says a lower one, whatever the machine has.

        Args:
            file: With a suffix of ``reads``.
            provider: One of ``providers``: there or not at all.
            threads: For timing: so many, as busy as the runtime likes. Without it, the runtime's own number, which must
                not keep processors busy while they wait.

        Raises:
            TargetError: The runtime, or the provider, is not available, or the runtime refuses the file.
        """

    def check(self, file: CompiledFile, provider: str) -> None:
        """Refuses what the runtime cannot run here; raises TargetError."""
        if file.suffix not in self.reads:
            raise TargetError(
                f"{file.where}: runtime '{self.name}' reads {' and '.join(self.reads)} files; found {file.suffix}"
            )
        if provider not in self.providers:
            raise TargetError(f"unknown provider '{provider}'; expected one of {', '.join(self.providers)}")
        if reason := self.lacks(provider):
            raise TargetError(reason)

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data for ``genocc runtimes --json``."""
        reasons = {provider: self.lacks(provider) for provider in self.providers}
        return {
            "name": self.name,
            "title": self.title,
            "version": self.version(),
            "available": None in reasons.values(),
            "reads": list(self.reads),
            "slow": bool(self.slow),
            "providers": {provider: reason is None for provider, reason in reasons.items()},
            "missing": {provider: reason for provider, reason in reasons.items() if reason},
        }


def in_batches_of(size: int | None, infer: Infer) -> Infer:
    """Returns a function for any number of images from one that takes ``size`` at a time.

    The last batch is filled up with copies of its first image, whose outputs are dropped.
    """
    if size is None:
        return infer

    def run(images: Array) -> Array:
        parts = []
        for start in range(0, len(images), size):
            part = images[start : start + size]
            filled = np.concatenate([part, np.repeat(part[:1], size - len(part), axis=0)])
            parts.append(infer(filled)[: len(part)])
        return np.concatenate(parts)

    return run
