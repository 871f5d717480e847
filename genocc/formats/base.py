"""The base of all dialects: reads genotypes from a text, writes one as text, and declares its limits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from genocc.errors import FormatError, GenotypeError
from genocc.formats.cells import ForeignCell, build
from genocc.formats.choice import chosen
from genocc.formats.limits import Limits
from genocc.formats.sightings import Sighting
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
    def entries(self, text: str) -> Sequence[Sighting]:
        """Returns the genotypes of a text, not read yet, so that a broken one leaves the others readable."""

    @abstractmethod
    def cells(self, entry: Any) -> Mapping[str, ForeignCell]:
        """Returns the cells of one entry by kind (``normal``, ``reduction``)."""

    @abstractmethod
    def text(self, genotype: Genotype) -> str:
        """Returns the text of a genotype within the limits; raises FormatError for an operation without a name."""

    def read(self, text: str, name: str | None = None, where: str = "text", line: int | None = None) -> Imported:
        """Returns a genotype from a text; nothing in the text is ever evaluated.

        Args:
            text: The whole text.
            name: Of the genotype to read, if the text has several.
            where: The file or other place, for messages; it also names a genotype without a name.
            line: On which the genotype starts, if the text has several.

        Raises:
            FormatError: The text cannot be parsed, or contains something that a genotype cannot express.
        """
        try:
            found = self.find(text, name, line)
            return self.imported(found, self.cells(found.parsed()), where)
        except FormatError as error:
            raise FormatError(f"{where}: dialect {self.name}: {error}") from None

    def find(self, text: str, name: str | None = None, line: int | None = None) -> Sighting:
        """Returns the one genotype of a text, or the one that was chosen; see `read`."""
        if len(text) > MAX_BYTES:
            raise FormatError(f"{len(text):,} characters; expected at most {MAX_BYTES:,}")
        entries = self.entries(text)
        if not entries:
            raise FormatError(f"no genotype found; expected {self.expected}")
        return chosen(entries, name, line)

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

    def imported(self, found: Sighting, cells: Mapping[str, ForeignCell], where: str) -> Imported:
        """Returns the genotype of cells in the text; raises FormatError for what a genotype cannot express."""
        notes = [found.note] if found.note else []
        notes += dict.fromkeys(remark for cell in cells.values() for remark in cell.remarks)
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
        if found.name:
            metadata["original_name"] = found.name
        if notes:
            metadata["notes"] = notes
        title = found.name or Path(where).stem.strip("-") or self.name
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
