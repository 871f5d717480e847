"""``genocc draw``."""

from pathlib import Path
from typing import Annotated

import typer

from genocc.cli.console import beside
from genocc.cli.options import GenotypeArgument, OutputOption
from genocc.errors import TargetError
from genocc.runs.outputs import refuse_overwriting


def draw(
    source: GenotypeArgument,
    output: OutputOption,
    cell: Annotated[
        list[str] | None, typer.Option("--cell", metavar="KIND", help="Draw this cell only (normal, reduction, ...).")
    ] = None,
) -> None:
    """Draw a genotype's cells with Graphviz; the suffix of FILE says how: .svg, .pdf, .png or .dot.

    With .gif or .mp4, the film of how the cells of a search formed; GENOTYPE is then its run folder.
    """
    from genocc.exporters.drawing import film, graphviz
    from genocc.exporters.drawing.rendering import suffix_of

    if output.suffix.lower() in film.SUFFIXES:
        if not Path(source.where).is_dir():
            raise TargetError(
                f"{source.where}: not a run folder; a film ({output.suffix}) shows the epochs of a search"
            )
        film.draw_film(source.where, output, cell)
    else:
        suffix_of(output, *film.SUFFIXES)
        refuse_overwriting(output, source.where)
        graphviz.draw(source.genotype, output, cell)
    beside(output)(str(output))
