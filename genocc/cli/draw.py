"""``genocc draw``."""

from typing import Annotated

import typer

from genocc.cli.options import GenotypeArgument, OutputOption
from genocc.files import refuse_overwriting


def draw(
    genotype: GenotypeArgument,
    output: OutputOption,
    cell: Annotated[
        list[str] | None, typer.Option("--cell", metavar="KIND", help="Draw this cell only (normal, reduction, ...).")
    ] = None,
) -> None:
    """Draw a genotype's cells with Graphviz; the suffix of FILE says how: .svg, .pdf, .png or .dot."""
    import genocc
    from genocc.exporters import graphviz
    from genocc.exporters.rendering import suffix_of

    suffix_of(output)
    refuse_overwriting(output, genotype)
    graphviz.draw(genocc.load(genotype), output, cell)
