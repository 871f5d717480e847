"""``genocc export-text``."""

from typing import Annotated

import typer

from genocc.cli.options import GenotypeArgument, OptionalOutputOption
from genocc.files import write_atomically
from genocc.formats import DIALECTS, dialect
from genocc.runs.outputs import refuse_overwriting


def export_text(
    source: GenotypeArgument,
    target: Annotated[str, typer.Option("--to", metavar="DIALECT", help=f"One of {', '.join(DIALECTS)}.")],
    output: OptionalOutputOption = None,
) -> None:
    """Write a genotype as the text that another program reads; what that cannot express is an error."""
    refuse_overwriting(output, source.where)
    write_atomically(output or "-", dialect(target).write(source.genotype))
