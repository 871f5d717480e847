"""The base of all dialects: reads genotypes from a text, writes one as text, and declares its limits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from genocc.errors import FormatError, GenotypeError, did_you_mean
from genocc.formats.cells import ForeignCell, brief, build
from genocc.formats.limits import Limits
from genocc.formats.vocabulary import Vocabulary
from genocc.genotype import MAX_BYTES, Genotype


@dataclass(frozen=True)
class Imported:
    """A genotype that was read, and notes on what was lost or changed on the way."""

    genotype: Genotype
    notes: tuple[str, ...] = ()


class Dialect(ABC):
    """A foreign text format of genotypes.

    Attributes:
        name: Its name in ``--from`` and ``--to``.
        origin: The program whose format it is, and an example file there.
        expected: A sketch of a text, for messages.
        vocabulary: Its names of operations.
        limits: The genotypes that it can express; `write` refuses the others.
    """

    name: ClassVar[str]
    origin: ClassVar[str]
    expected: ClassVar[str]
    vocabulary: ClassVar[Vocabulary] = Vocabulary()
    limits: ClassVar[Limits] = Limits()

    @abstractmethod
    def entries(self, text: str) -> Mapping[str, Any]:
        """Returns the genotypes of a text by name, not parsed yet, so that a broken one leaves the others readable.

        One without a name in the text is named ''.
        """

    @abstractmethod
    def cells(self, entry: Any) -> Mapping[str, ForeignCell]:
        """Returns the cells of one entry by kind (``normal``, ``reduction``)."""

    @abstractmethod
    def text(self, genotype: Genotype) -> str:
        """Returns the text of a genotype within the limits; raises FormatError for an operation without a name."""

    def read(self, text: str, name: str | None = None, where: str = "text") -> Imported:
        """Returns a genotype from a text; nothing in the text is ever evaluated.

        Args:
            text: The whole text.
            name: Of the genotype to read, if the text has several.
            where: The file or other place, for messages; it also names a genotype without a name.

        Raises:
            FormatError: The text cannot be parsed, or contains something that a genotype cannot express.
        """
        try:
            if len(text) > MAX_BYTES:
                raise FormatError(f"{len(text):,} characters; expected at most {MAX_BYTES:,}")
            found, entry = _chosen(self.entries(text), name, self.expected)
            return self._imported(found, self.cells(entry), where)
        except FormatError as error:
            raise FormatError(f"{where}: dialect {self.name}: {error}") from None

    def write(self, genotype: Genotype) -> str:
        """Returns a genotype as text.

        Raises:
            FormatError: The dialect cannot express it; the message says why and where.
        """
        try:
            self.limits.check(genotype)
            for kind, cell in genotype.cells.items():
                for state, position, edge in cell.edges():
                    self._check_operation(f"cell '{kind}', node {state}, edge {position + 1}", edge.op)
            return self.text(genotype)
        except FormatError as error:
            raise FormatError(f"dialect {self.name} cannot express '{genotype.name}': {error}") from None

    def _check_operation(self, place: str, operation: str) -> None:
        try:
            self.vocabulary.spelling(operation)
        except FormatError as error:
            raise FormatError(f"{place}: {error}") from None

    def _imported(self, found: str, cells: Mapping[str, ForeignCell], where: str) -> Imported:
        notes: list[str] = []
        built = {}
        for kind, cell in cells.items():
            built[kind], remarks = build(kind, cell, self.vocabulary.operation)
            notes += remarks
        used = {edge["op"] for cell in built.values() for node in cell["nodes"] for edge in node}
        notes += dict.fromkeys(remark for op, remark in self.vocabulary.remarks.items() if op in used)
        notes += [
            f"the text has no {kind} cell; nets that need one cannot be built"
            for kind in self.limits.kinds
            if kind not in built
        ]
        metadata: dict[str, Any] = {"dialect": self.name}
        if found:
            metadata["original_name"] = found
        if notes:
            metadata["notes"] = notes
        title = found or Path(where).stem.strip("-") or self.name
        try:
            genotype = Genotype.from_dict(
                {
                    "format": "genocc.genotype",
                    "version": 1,
                    "name": "".join(c if c.isprintable() else "?" for c in title[:200]),
                    "cells": built,
                    "metadata": metadata,
                }
            )
        except GenotypeError as error:
            raise FormatError(str(error)) from None
        return Imported(genotype, tuple(notes))


def _chosen(entries: Mapping[str, Any], name: str | None, expected: str) -> tuple[str, Any]:
    if not entries:
        raise FormatError(f"no genotype found; expected {expected}")
    named = [entry for entry in entries if entry]
    listed = ", ".join(named[:20]) + (f", ... ({len(named)} in all)" if len(named) > 20 else "")
    if name is not None:
        if name in entries:
            return name, entries[name]
        hint = did_you_mean(name, named, otherwise=f"it has {listed}" if named else "its only one has no name")
        raise FormatError(f"no genotype {brief(name)}; {hint}")
    if len({id(entry) for entry in entries.values()}) > 1:
        raise FormatError(f"several genotypes; choose one with --name: {listed}")
    return next(iter(entries.items()))
