"""The command line: one thin file per command, over a library call that a notebook could make as well."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from typing import Annotated, Any, TextIO

import typer
from typer.core import TyperGroup

from genocc.cli.bench import bench
from genocc.cli.compile import compile
from genocc.cli.count import count
from genocc.cli.diff import diff
from genocc.cli.draw import draw
from genocc.cli.engines import engines
from genocc.cli.evaluate import evaluate
from genocc.cli.experiment import experiment
from genocc.cli.export_text import export_text
from genocc.cli.import_ import import_
from genocc.cli.import_weights import import_weights
from genocc.cli.methods import methods
from genocc.cli.ops import ops
from genocc.cli.options import refuse_unusable
from genocc.cli.package import package
from genocc.cli.passes import passes
from genocc.cli.profile import profile
from genocc.cli.rank import rank
from genocc.cli.rank_topologies import rank_topologies
from genocc.cli.report import report
from genocc.cli.runtimes import runtimes
from genocc.cli.sample import sample
from genocc.cli.schema import schema
from genocc.cli.search import search
from genocc.cli.show import show
from genocc.cli.train import train
from genocc.cli.verify import verify
from genocc.cli.zoo import zoo
from genocc.errors import GenoccError, interrupted, is_out_of_memory
from genocc.files import LONGEST, file_error, shortened
from genocc.launcher import launched, speaks, started


class _Group(TyperGroup):
    """Turns errors that are the user's into one line and exit code 2, and Ctrl-C into 130."""

    def main(self, args: Sequence[str] | None = None, *others: Any, **extra: Any) -> Any:
        given = sys.argv[1:] if args is None else list(args)
        if not extra.get("standalone_mode", True):
            return super().main(given, *others, **extra)
        try:
            refuse_unusable(given)
            result = super().main(given, *others, **{**extra, "standalone_mode": False})
            sys.stdout.flush()  # else what --version printed is lost, where it cannot be written
        except GenoccError as error:  # of help too, which is printed before a command is invoked
            sys.exit(_failed(str(error)).exit_code)
        except _UsageError as error:
            sys.exit(_misused(error).exit_code)
        except (BrokenPipeError, SystemExit) as error:  # click makes a SystemExit of the former
            if not isinstance(error, BrokenPipeError) and not isinstance(error.__context__, BrokenPipeError):
                raise
            _close(sys.stdout)
            sys.exit(0)
        except (KeyboardInterrupt, typer.Abort):  # before a command is invoked
            sys.exit(interrupted())
        sys.exit(result if isinstance(result, int) else 0)

    def invoke(self, ctx: Any) -> Any:  # Any: newer typer has its own copy of click.Context
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # an ASCII terminal shows what it can
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except GenoccError as error:
            raise _failed(str(error)) from None
        except MemoryError:
            raise _failed(_NO_MEMORY) from None
        except ModuleNotFoundError as error:
            if (module := str(error.name).partition(".")[0]) == "genocc":
                raise
            raise _failed(f"this needs the module {module}, which is not installed: pip install genocc") from None
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            raise _failed(_NO_MEMORY) from None
        except BrokenPipeError:  # the reader has seen enough
            _close(sys.stdout)
            raise typer.Exit(0) from None
        except OSError as error:
            raise _failed(str(_explained(error))) from None
        except KeyboardInterrupt:
            raise typer.Exit(interrupted()) from None
        return result


_NO_MEMORY = "not enough memory for this; choose a smaller net, batch or image"
_UsageError: Any = typer.BadParameter.__mro__[2]  # click's root of such errors, or that of typer's own copy of click


def _misused(error: Any) -> typer.Exit:
    """Prints a wrong use as one line; a bare ``genocc`` has printed its help already."""
    message = error.format_message()
    if not message.strip():
        return typer.Exit(error.exit_code)
    path = error.ctx.command_path if getattr(error, "ctx", None) else ""
    command = " ".join(["genocc", *path.split()[1:]])
    return _failed(f"{' '.join(message.split()).removesuffix('.')}; see {command} --help")


_LONG_QUOTE = re.compile(rf"(?<![^\s(=])'[^']{{{LONGEST - 1},}}'")
_LONG_WORD = re.compile(rf"\S{{{LONGEST + 1},}}")
_LONGEST_LINE = 1200
"""Characters of the longest message, which lists what there is to choose from."""


def _failed(message: str) -> typer.Exit:
    """Prints an error as one line, whatever characters stand in the names it quotes, and however long they are."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)
    for long in (_LONG_QUOTE, _LONG_WORD):
        line = long.sub(lambda found: shortened(found[0]), line)
    if len(line) > _LONGEST_LINE:
        line = f"{line[: _LONGEST_LINE // 2]} ... {line[-_LONGEST_LINE // 2 :]}"
    try:
        if speaks():
            print(f"genocc: error: {started()}{line}", file=sys.stderr, flush=True)
    except (OSError, GenoccError):  # there is no other place to say so
        _close(sys.stderr)
    try:
        sys.stdout.flush()
    except (OSError, GenoccError):
        _close(sys.stdout)
    return typer.Exit(2)


def _explained(error: OSError) -> GenoccError:
    """The error of a file, which names it; those of memory, processes and sockets name nothing."""
    if error.filename is None:
        return GenoccError(f"the operating system refuses: {error.strerror or error}")
    return file_error(error, str(error.filename), "use")


def _close(stream: TextIO) -> None:
    """Keeps the interpreter from trying again, on its way out, to write what could not be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


app = typer.Typer(
    cls=_Group, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich"
)

_PANELS: dict[str, tuple[Callable[..., None], ...]] = {
    "Search": (search, methods, sample, rank_topologies),
    "Train": (train, evaluate, rank),
    "Experiment": (experiment,),
    "Compile": (compile, verify, package, bench, profile, runtimes),
    "Look": (show, count, draw, report, diff, ops, passes, engines),
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


SHARING = ("search", "train")
"""Commands whose work several processes share."""


@app.callback()
def main(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Compile neural-architecture genotypes: count, draw, convert, and ship derived nets.

    GENOTYPE is a genotype file, a run folder, RUN@EPOCH of a search, '-' for standard input, or zoo:NAME.
    """
    command = context.invoked_subcommand
    if launched() and command not in SHARING:
        raise GenoccError(
            f"{command}: torchrun has started several processes of it, and only {' and '.join(SHARING)} share their "
            "work among processes; run it without torchrun (WORLD_SIZE unset)"
        )
