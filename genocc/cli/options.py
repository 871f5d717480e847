"""Arguments and options that several commands share, each defined once."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from copy import copy
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import typer

from genocc.errors import GenoccError, NetworkError, quoted
from genocc.network import NetworkConfig
from genocc.source import Source, open

_GENOTYPE = "A genotype file, a run folder, RUN@EPOCH of a search, '-' for standard input, or zoo:NAME."
GenotypeArgument = Annotated[Source, typer.Argument(metavar="GENOTYPE", parser=open, help=_GENOTYPE)]
OutputOption = Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write.")]
OptionalOutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Where to write; standard output if not given."),
]
ProviderOption = Annotated[
    str | None,
    typer.Option(
        "--provider", metavar="cpu|cuda", help="Where to run the file to verify it (cpu).", show_default=False
    ),
]
RuntimesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--runtime", metavar="NAME|all", help="What runs it; repeatable \\[those of its kind].", show_default=False
    ),
]
LatencyOption = Annotated[
    Path | None,
    typer.Option(
        "--latency", metavar="FILE", help="A file of `genocc profile`: predict the latency.", show_default=False
    ),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Take any machine's --latency FILE.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]

_PANEL = "Network"


def _option(*names: str, help: str, metavar: str | None = None) -> Any:
    return typer.Option(*names, help=help, metavar=metavar, rich_help_panel=_PANEL, show_default=False)


_NETWORK: dict[str, Any] = {
    "skeleton": Annotated[
        str | None, _option("--skeleton", help="Network family.", metavar="cifar|imagenet|nas-bench-201")
    ],
    "channels": Annotated[
        int | None,
        _option("--channels", help="Channels C of the first cells [36; 48 imagenet; 16 nas-bench-201].", metavar="C"),
    ],
    "layers": Annotated[
        int | None, _option("--layers", help="Number of cells [20; 14 imagenet; 17 nas-bench-201].", metavar="L")
    ],
    "classes": Annotated[int | None, _option("--classes", help="Number of classes [10; 1000 imagenet].", metavar="N")],
    "input_size": Annotated[
        str | None, _option("--input-size", help="Height and width [32x32; 224x224 imagenet].", metavar="HxW")
    ],
    "input_channels": Annotated[
        int | None, _option("--input-channels", help="Channels of the images [3].", metavar="N")
    ],
    "stem_stride": Annotated[
        int | None, _option("--stem-stride", help="How much the stem shrinks the image [1; 8 imagenet].", metavar="S")
    ],
    "auxiliary": Annotated[
        bool | None, _option("--auxiliary/--no-auxiliary", help="Give the training net its auxiliary head.")
    ],
}

R = TypeVar("R")


def network_options(command: Callable[..., R]) -> Callable[..., R]:
    """Gives a command that takes ``network: NetworkConfig`` the network options in its place.

    Its argument ``source`` is the GENOTYPE. A training run has its own network, which options may repeat and not
    contradict.
    """

    def made(arguments: dict[str, Any], given: dict[str, Any]) -> NetworkConfig:
        return network_option(arguments["source"], **given)

    return _with_options(command, _NETWORK, made)


def target_options(command: Callable[..., R]) -> Callable[..., R]:
    """Gives a command that takes ``network: dict`` those network options that images do not decide, as given."""
    names = ("skeleton", "channels", "layers", "stem_stride", "auxiliary")
    return _with_options(command, {name: _of_preset(_NETWORK[name]) for name in names}, lambda arguments, given: given)


def _of_preset(annotation: Any) -> Any:
    """An option whose default is the preset's."""
    kind, option = get_args(annotation)
    described = copy(option)
    described.help = re.sub(r" \[.*\]", "", option.help).removesuffix(".") + " \\[the preset's]."
    return Annotated[kind, described]


def _with_options(
    command: Callable[..., R], options: dict[str, Any], made: Callable[[dict[str, Any], dict[str, Any]], Any]
) -> Callable[..., R]:
    """A command with options in the place of its argument ``network``, which is made of them."""
    signature = inspect.signature(command)

    @wraps(command)
    def wrapper(**arguments: Any) -> R:
        given = {name: arguments.pop(name) for name in options}
        return command(**arguments, network=made(arguments, given))

    own = [p for p in signature.parameters.values() if p.name != "network"]
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in options.items()
    ]
    hints = inspect.get_annotations(command, eval_str=True)
    own = [p.replace(annotation=hints[p.name], kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
    wrapper.__signature__ = signature.replace(parameters=[*own, *shared])  # type: ignore[attr-defined]
    wrapper.__annotations__ = {p.name: p.annotation for p in [*own, *shared]}
    return wrapper


def network_option(source: Source, *, input_size: str | None = None, **fields: Any) -> NetworkConfig:
    """Returns the network that the options describe or, of a training run, its own; raises NetworkError."""
    size = None if input_size is None else parse_size(input_size)
    try:
        return source.network(input_size=size, **fields)
    except NetworkError as error:
        said = re.sub(r"^(\w+)(\.\d+)?", lambda field: "--" + field[1].replace("_", "-"), str(error))
        raise NetworkError(said) from None


def parse_size(text: str) -> tuple[int, int]:
    """Returns the height and width that ``--input-size`` means; raises NetworkError."""
    if not (match := re.fullmatch(r"([0-9]{1,9})(?:x([0-9]{1,9}))?", text)):
        raise NetworkError(f"--input-size: found {quoted(text)}; expected HxW such as 32x32, or one number")
    return int(match[1]), int(match[2] or match[1])


def duration(text: str) -> float:
    """Returns the seconds of a positive time with its unit: 5ms, 800us or 0.01s."""
    match = re.fullmatch(r"([0-9]{1,12}(?:\.[0-9]{1,12})?) ?(us|ms|s)", text)
    if not match or not float(match[1]):
        raise typer.BadParameter(
            f"{quoted(text)} is no time; expected a number and its unit, such as 5ms, 800us or 0.01s"
        )
    return float(match[1]) * {"us": 1e-6, "ms": 1e-3, "s": 1.0}[match[2]]


def refuse_unusable(arguments: Sequence[str]) -> None:
    """Refuses empty texts, which would count as not given, and NUL characters; raises GenoccError.

    ``--passes ""`` alone means something: no passes. No operating system passes NUL to a program, but another program
    that calls this one within its process may.
    """
    before = ""
    for argument in arguments:
        if "\0" in argument:
            raise GenoccError(f"found {quoted(argument)}, with a NUL character, which no name has; leave it out")
    for argument in arguments:
        name, equals, value = argument.partition("=")
        option = before if not argument else name
        if (not argument or (argument.startswith("--") and equals and not value)) and option != "--passes":
            what = option if option.startswith("-") and option != "-" else "argument"
            raise GenoccError(f"{what}: found an empty text; give a value, or leave it out")
        before = argument
