"""The command line: one thin file a command over a library call that a notebook could make as well."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from genocc.cli.bench import bench
from genocc.cli.compile import compile
from genocc.cli.count import count
from genocc.cli.diff import diff
from genocc.cli.draw import draw
from genocc.cli.export_text import export_text
from genocc.cli.import_ import import_
from genocc.cli.import_weights import import_weights
from genocc.cli.ops import ops
from genocc.cli.passes import passes
from genocc.cli.schema import schema
from genocc.cli.search import search
from genocc.cli.show import show
from genocc.cli.verify import verify
from genocc.cli.zoo import zoo
from genocc.errors import GenoccError


class _Group(TyperGroup):
    """Turns errors that are the user's into one line and exit code 2, and Ctrl-C into 130."""

    def invoke(self, ctx: Any) -> Any:  # Any: newer typer has its own copy of click.Context
        try:
            return super().invoke(ctx)
        except GenoccError as error:
            print(f"genocc: error: {error}", file=sys.stderr)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            print("genocc: interrupted", file=sys.stderr)
            raise typer.Exit(130) from None


app = typer.Typer(
    cls=_Group, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich"
)

_PANELS: dict[str, tuple[Callable[..., None], ...]] = {
    "Search": (search,),
    "Compile": (compile, verify, bench),
    "Look": (show, count, draw, diff, ops, passes),
    "Formats": (import_, export_text, import_weights, schema),
}

for _panel, _commands in _PANELS.items():
    for _command in _commands:
        app.command(_command.__name__.strip("_").replace("_", "-"), rich_help_panel=_panel)(_command)
app.add_typer(zoo, name="zoo", rich_help_panel="Look")


def _version(show: bool) -> None:
    if show:
        from genocc import __version__

        print(f"genocc {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Compile neural-architecture genotypes: count, draw, convert, and ship derived nets.

    GENOTYPE is a genotype file, a run folder, '-' for standard input, or zoo:NAME.
    """
