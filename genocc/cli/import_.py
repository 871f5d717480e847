"""``genocc import``."""

from typing import Annotated

import typer

from genocc.cli.console import note
from genocc.cli.options import OptionalOutputOption
from genocc.files import read_text
from genocc.formats import DIALECTS, read
from genocc.genotype import MAX_BYTES
from genocc.runs.outputs import refuse_overwriting


def import_(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="A file in a foreign format, or '-' for standard input.")],
    source: Annotated[
        str | None,
        typer.Option("--from", metavar="DIALECT", help=f"One of {', '.join(DIALECTS)}; otherwise all are tried."),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Which genotype, if the text has several.")] = None,
    line: Annotated[int | None, typer.Option("--line", min=1, help="The same, by the line that it starts on.")] = None,
    output: OptionalOutputOption = None,
) -> None:
    """Read a genotype from the text that another program writes; nothing in it is evaluated."""
    refuse_overwriting(output, text)
    content = read_text(text, limit=MAX_BYTES)
    imported = read(content, source, name, where=text, line=line)
    imported.genotype.save(output or "-")
    for remark in imported.notes:
        note(f"note: {remark}")
