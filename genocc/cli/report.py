"""``genocc report``."""

from pathlib import Path
from typing import Annotated

import typer

from genocc.cli.console import beside
from genocc.cli.options import OutputOption


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A folder of `genocc search` or `genocc train`.")],
    output: OutputOption = Path("report.html"),
) -> None:
    """Write a run as one HTML page: how its cells formed, curves, costs of each edge; works offline."""
    from genocc.exporters.report.page import write_report

    write_report(run, output)
    beside(output)(str(output))
