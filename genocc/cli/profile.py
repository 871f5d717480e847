"""``genocc profile``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from genocc.cli.console import note, print_json, print_table, refuse_mixing
from genocc.cli.options import JsonOption, OutputOption, parse_size
from genocc.errors import FileError
from genocc.runs.outputs import refuse_overwriting

if TYPE_CHECKING:
    from genocc.latency.profile import Profile

_NETS = "Nets that are measured"


def profile(
    output: OutputOption,
    runtime: Annotated[str, typer.Option("--runtime", metavar="NAME", help="onnxruntime or openvino.")] = "onnxruntime",
    threads: Annotated[int | None, typer.Option("--threads", metavar="N", help="Threads \\[one per core].")] = None,
    rounds: Annotated[
        int, typer.Option("--rounds", metavar="N", help="How often each net is timed; its fastest round counts.")
    ] = 3,
    nets: Annotated[int, typer.Option("--nets", metavar="N", help="How many.", rich_help_panel=_NETS)] = 96,
    skeleton: Annotated[
        str, typer.Option("--skeleton", metavar="NAME", help="cifar, imagenet or nas-bench-201.", rich_help_panel=_NETS)
    ] = "cifar",
    channels: Annotated[
        list[int] | None,
        typer.Option(
            "--channels",
            metavar="C",
            help="Channels; repeatable \\[16 and the skeleton's default].",
            rich_help_panel=_NETS,
        ),
    ] = None,
    layers: Annotated[
        list[int] | None,
        typer.Option("--layers", metavar="L", help="Number of cells; repeatable \\[5 and 8].", rich_help_panel=_NETS),
    ] = None,
    input_size: Annotated[
        str | None,
        typer.Option(
            "--input-size", metavar="HxW", help="Height and width \\[the skeleton's default].", rich_help_panel=_NETS
        ),
    ] = None,
    space: Annotated[
        str, typer.Option("--space", metavar="SPACE", help="Their operations.", rich_help_panel=_NETS)
    ] = "darts",
    operation: Annotated[
        list[str] | None,
        typer.Option("--operation", metavar="NAME", help="A further one; repeatable.", rich_help_panel=_NETS),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Of their genotypes.", rich_help_panel=_NETS)] = 0,
    json: JsonOption = False,
) -> None:
    """Measure what operations cost in a runtime on this machine, for `count --latency` and `search --max-latency`.

    Takes some minutes, in which nothing else should run.
    """
    from genocc.exporters.bench.profiling import LAYERS
    from genocc.exporters.bench.profiling import profile as measure

    refuse_mixing(output)
    refuse_overwriting(output)
    if not (folder := output.absolute().parent).is_dir():  # before minutes of work
        raise FileError(f"{folder}: no such folder; check the path")
    found = measure(
        runtime, skeleton=skeleton, channels=channels or (), layers=layers or LAYERS,
        input_size=parse_size(input_size) if input_size else None, space=space, operations=operation or (),
        number=nets, rounds=rounds, threads=threads, seed=seed, note=note,
    )  # fmt: skip
    found.dump(output)
    if json:
        print_json(found.model_dump(mode="json"))
    else:
        _print(found)
        print(output)


def _print(found: Profile) -> None:
    from genocc.latency.prediction import in_cell

    height, width = found.nets.input_size
    states = [(c, height, width) for c in found.nets.channels]
    rows = []
    for name in found.nets.operations:
        costs = [in_cell(name, state, stride, found) for state in states for stride in (1, 2)]
        rows.append((name, *(f"{seconds * 1e6:.0f} us" for seconds in costs)))
    columns = [f">C={c}, {h}x{w}, stride {stride}" for c, h, w in states for stride in (1, 2)]
    residuals = found.residuals
    tau = "" if residuals.tau is None else f", Kendall's tau {residuals.tau:.3f}"
    taken = "" if found.other_programs is None else f"; other programs took {found.other_programs:.1f} cores meanwhile"
    caption = (
        f"What each operation adds to a cell. {found.nets.number} nets in {found.seconds:.0f} s{taken}.\n"
        f"Nets left out of the fit are predicted with a median error of {residuals.median_error:.1%}, 90% of them "
        f"within {residuals.error_90:.1%}{tau}; rounds differed by {residuals.spread:.1%}."
    )
    title = f"{found.runtime} {found.version}, batch {found.batch}, {found.threads} threads; {found.machine}"
    print_table(title, ["operation", *columns], rows, caption=caption)
