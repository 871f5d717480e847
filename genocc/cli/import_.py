"""``genocc import``."""

from typing import Annotated

import typer

from genocc.cli.console import note
from genocc.cli.options import OptionalOutputOption
from genocc.files import read_text
from genocc.formats import DIALECTS, dialect
from genocc.genotype import MAX_BYTES
from genocc.runs.outputs import refuse_overwriting


def import_(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="A file in a foreign format, or '-' for standard input.")],
    source: Annotated[str, typer.Option("--from", metavar="DIALECT", help=f"One of {', '.join(DIALECTS)}.")],
    name: Annotated[str | None, typer.Option("--name", help="Which genotype, if the text has several.")] = None,
    output: OptionalOutputOption = None,
) -> None:
    """Read a genotype from the text that another program writes; nothing in it is evaluated."""
    refuse_overwriting(output, text)
    imported = dialect(source).read(read_text(text, limit=MAX_BYTES), name, where=text)
    imported.genotype.save(output or "-")
    for remark in imported.notes:
        note(f"note: {remark}")
