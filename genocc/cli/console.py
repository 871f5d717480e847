"""Output of commands: tables and JSON on standard output, notes on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from genocc.errors import FileError
from genocc.files import STDOUT, explained, is_stdout

if TYPE_CHECKING:
    from genocc.runs.costs import Costs


class StandardStream(TextIOWrapper):
    """Standard output or standard error, whose errors name it: those of files are told apart."""

    label: str

    @classmethod
    def replace(cls) -> None:
        """Takes the place of ``sys.stdout`` and ``sys.stderr`` for as long as the program runs."""
        sys.stdout = cls._over(sys.stdout, STDOUT)
        sys.stderr = cls._over(sys.stderr, "standard error")

    @classmethod
    def _over(cls, stream: TextIO, label: str) -> TextIO:
        if not isinstance(stream, TextIOWrapper):
            return stream
        encoding, errors, buffered = stream.encoding, stream.errors, stream.line_buffering
        stream.flush()
        made = cls(stream.detach(), encoding, errors, line_buffering=buffered)
        made.label = label
        return made

    def write(self, text: str) -> int:
        with explained(self.label, "write"):
            return super().write(text)

    def flush(self) -> None:
        with explained(self.label, "write"):
            super().flush()


def print_json(data: Any) -> None:
    """Prints plain data as JSON."""
    print(json.dumps(data, indent=2, ensure_ascii=False))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, caption: str = "") -> None:
    """Prints a table; columns whose name starts with ``>`` are right-aligned."""
    from rich import box
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [[cell if isinstance(cell, Text) else Text(_shown(cell)) for cell in row] for row in rows]
    table = Table(box=box.SIMPLE_HEAD)
    for position, column in enumerate(columns):
        name = column.removeprefix(">")
        # Measured here, once: rich would measure each cell several times.
        width = max([cell_len(name), *(row[position].cell_len for row in cells)])
        table.add_column(name, justify="right" if column.startswith(">") else "left", no_wrap=True, width=width)
    for row in cells:
        table.add_row(*row)

    class Output(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # the command line handles it for all output alike

    console = Output()
    # Figures must not be cut: a terminal that is too narrow wraps the lines, and a pipe has no width at all.
    needed = console.measure(table, options=console.options.update(width=1000)).maximum
    console.width = max(needed, console.width if console.is_terminal else 200)
    console.print(Text(title, style="bold"))
    console.print(table)
    if caption:
        console.print(Text(caption, style="dim"))


def counted(number: int, thing: str) -> str:
    """Returns a number of things: ``1 epoch``, ``12 epochs``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def costs_sentence(costs: Costs) -> str:
    """Returns the costs of a run in one sentence."""
    return "; ".join(f"{name}: {value}" for name, value in costs.lines()) + "."


def beside(output: str | Path) -> Callable[[str], None]:
    """Returns what prints remarks on an output: `print` or, where standard output is the output itself, `note`."""
    return note if is_stdout(output) else print


def refuse_mixing(output: str | Path | None) -> None:
    """Refuses standard output as the file of a command that prints its result there; raises FileError."""
    if output is not None and is_stdout(output):
        raise FileError(f"{output}: is standard output, where this command prints its result; choose another file")


def note(message: str) -> None:
    """Prints a remark that is not part of the result."""
    print(message, file=sys.stderr)


def _shown(cell: object) -> str:
    if cell is None:
        return "-"
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)
