"""Names of operations in dialects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from genocc.errors import FormatError, did_you_mean
from genocc.operations import NONE, OPERATIONS, exists, get

SEVEN = ("max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5")
"""The operations of the DARTS search space, in the order of NAS-Bench-301 and NASLib."""


def same_names(operations: Iterable[str]) -> dict[str, str]:
    """Returns a table of operations whose names are genocc's."""
    return {operation: operation for operation in operations}


@dataclass(frozen=True)
class Vocabulary:
    """The names of operations in a dialect.

    Every dialect reads genocc's names and their aliases too, except those in ``differing``.

    Attributes:
        writes: Operation -> its name in the text; None if any operation can be written, by its first alias.
        aliases: Further name in texts of this dialect -> operation.
        differing: Name of genocc's that means something else here -> its meaning.
        remarks: Operation -> how the dialect's program differs from genocc in it.
    """

    writes: Mapping[str, str] | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    differing: Mapping[str, str] = field(default_factory=dict)
    remarks: Mapping[str, str] = field(default_factory=dict)

    def operation(self, name: str) -> str:
        """Returns the operation of a name in a text; raises FormatError."""
        known = same_names(OPERATIONS) | {alias: op.name for op in OPERATIONS.values() for alias in op.aliases}
        known |= {text: operation for operation, text in (self.writes or {}).items()}
        known |= self.aliases
        if name in self.differing:
            raise FormatError(f"the operation has no counterpart in genocc: {self.differing[name]}")
        if name not in known and not exists(name):
            hint = did_you_mean(name, known.keys() - {NONE}, otherwise="`genocc ops` lists those that have one")
            raise FormatError(f"the operation has no counterpart in genocc; {hint}")
        return known.get(name, name)

    def spelling(self, operation: str) -> str:
        """Returns the name of an operation in a text; raises FormatError if it has none."""
        if operation == NONE:
            return next((text for text, op in self.aliases.items() if op == NONE), NONE)
        if self.writes is None:
            return next(iter(get(operation).aliases), operation)
        if operation not in self.writes:
            raise FormatError(f"it has no operation '{operation}'; it has {', '.join(self.writes)}")
        return self.writes[operation]
