"""``genocc search``."""

import re
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genocc.cli.console import costs_sentence, counted, note, print_json, print_table
from genocc.cli.engines import EngineOption, EngineSetOption, JobsOption, chosen_engine
from genocc.cli.options import ForceOption, JsonOption, duration
from genocc.cli.runs import (
    ConfigOption,
    DataOption,
    DeviceOption,
    DownloadOption,
    EpochsOption,
    OutOption,
    ResumeOption,
    SeedOption,
    SetOption,
    SizeOption,
    TrackOption,
    run_option,
)
from genocc.errors import quoted
from genocc.launcher import is_first
from genocc.machine import keep_freed_memory

if TYPE_CHECKING:
    from genocc.searchers.result import SearchResult


def _amount(text: str) -> int:
    """A whole number, also with K, M or G behind it (1.5G) or in groups of three digits (1,500,000 or 1_500_000)."""
    digits = r"[0-9]{1,30}|[0-9]{1,3}(?:,[0-9]{3}){1,9}|[0-9]{1,3}(?:_[0-9]{3}){1,9}"
    match = re.fullmatch(rf"({digits})(\.[0-9]{{1,30}})?([KMG]?)", text.upper())
    if match:
        whole = re.sub("[,_]", "", match[1])
        number = Fraction(whole + (match[2] or "")) * {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}[match[3]]
        if number.denominator == 1:
            return int(number)
    raise typer.BadParameter(f"{quoted(text)} is no amount; expected a whole number such as 600M, 1.5G or 1,500,000")


def budget_option(name: str, help: str) -> Any:
    """Returns an option for a limit of the target net."""
    return typer.Option(name, metavar="N", parser=_amount, help=help, rich_help_panel="Budget", show_default=False)


def search(
    method: Annotated[
        str | None, run_option("--method", help="`genocc methods` \\[entrannas-dst].", metavar="METHOD")
    ] = None,
    data: DataOption = None,
    out: OutOption = None,
    preset: Annotated[
        str | None,
        run_option(
            "--preset",
            help="quick: minutes on a CPU; cifar, imagenet: as in the papers; nas-bench-201: cells of that benchmark "
            "\\[quick on built-in data].",
            metavar="PRESET",
        ),
    ] = None,
    epochs: EpochsOption = None,
    seed: SeedOption = None,
    seeds: Annotated[
        int | None, run_option("--seeds", help="Search N times, keep the best by validation accuracy.", metavar="N")
    ] = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    size: SizeOption = None,
    download: DownloadOption = None,
    tensorboard: Annotated[bool | None, run_option("--tensorboard", help="Short for --track tensorboard.")] = None,
    track: TrackOption = None,
    device: DeviceOption = "auto",
    resume: ResumeOption = False,
    engine: EngineOption = None,
    jobs: JobsOption = None,
    engine_set: EngineSetOption = None,
    max_macs: Annotated[int | None, budget_option("--max-macs", "MACs of the target net; over it, code 1.")] = None,
    max_params: Annotated[int | None, budget_option("--max-params", "Its parameters: over it, exit code 1.")] = None,
    penalty_macs: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help="Add X times (expected MACs / --max-macs) to the architecture's loss.",
            rich_help_panel="Budget",
            show_default=False,
        ),
    ] = None,
    max_latency: Annotated[
        float | None,
        typer.Option(
            metavar="TIME",
            parser=duration,
            help="Predicted latency, such as 5ms: likewise.",
            rich_help_panel="Budget",
            show_default=False,
        ),
    ] = None,
    latency: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="What predicts it: from `genocc profile`.",
            rich_help_panel="Budget",
            show_default=False,
        ),
    ] = None,
    penalty_latency: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help="The same of the expected latency.",
            rich_help_panel="Budget",
            show_default=False,
        ),
    ] = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Search for a genotype; writes RUN/genotype.json, ready for `genocc compile RUN`.

    Ctrl-C finishes the batch and exits with 130; --resume goes on as if nothing had happened. On several GPUs or
    machines: torchrun --nproc-per-node N -m genocc search ...
    """
    import genocc
    from genocc.runs.progress import ConsoleProgress

    keep_freed_memory()
    result = genocc.search(
        out,
        method=method,
        data=data,
        preset=preset,
        seed=seed,
        seeds=seeds,
        epochs=epochs,
        config=config,
        overrides=set_ or (),
        size=size,
        download=download,
        max_macs=max_macs,
        max_params=max_params,
        penalty_macs=penalty_macs,
        max_latency=max_latency,
        latency=latency,
        penalty_latency=penalty_latency,
        force=force,
        tensorboard=tensorboard,
        track=track or (),
        device=device,
        engine=chosen_engine(engine, jobs, engine_set),
        resume=resume,
        progress=ConsoleProgress(),
    )
    if not is_first():
        return
    if json:
        print_json(result.to_dict())
    else:
        _print(result)
    for name, (found, most) in result.excess.items():
        of, more, limit = (
            (f"{amount * 1e3:,.3f} ms" if name == "latency" else f"{amount:,}")
            for amount in (found, found - most, most)
        )
        note(f"over the budget: {of} {name}, {more} more than {limit} ({found / most - 1:.1%})")
    if result.excess:
        raise typer.Exit(1)


def _print(result: "SearchResult") -> None:
    if result.seeds:
        rows = [
            (
                one.path.name,
                _percent(one.validation_accuracy),
                _percent(one.child_accuracy),
                one.macs,
                one.parameters,
                "best" if one.path == result.path else "",
            )
            for one in result.seeds
        ]
        print_table("seeds", ["seed", ">validation", ">child net", ">MACs", ">parameters", ""], rows)
    last = result.history[-1]
    cells = [
        (
            kind,
            " + ".join(map(str, last["edges_per_node"][kind])) + f" = {sum(last['edges_per_node'][kind])}",
            last["skip_connections"][kind],
            f"{result.history[0]['entropy'][kind]:.2f} to {last['entropy'][kind]:.2f}",
        )
        for kind in last["edges_per_node"]
    ]
    stale = result.child_accuracy_stale
    if result.validation_accuracy is None:
        accuracies = f"Drawn at random, {counted(last['draws'], 'draw')}; nothing was trained."
    else:
        accuracies = (
            f"Validation accuracy {result.validation_accuracy:.2%}; of the child net, the same weights with every cell "
            f"derived, {_percent(result.child_accuracy)}"
            + ("" if stale is None else f" ({stale:.2%} with the super-net's BN statistics)")
            + "."
        )
    target = result.target
    caption = (
        f"{accuracies}\n"
        f"Target net ({target.skeleton}, C={target.channels}, L={target.layers}, "
        f"{target.input_size[0]}x{target.input_size[1]}, {target.classes} classes): {result.macs:,} MACs, "
        f"{result.parameters:,} parameters"
        + ("" if result.latency is None else f", {result.latency * 1e3:,.3f} ms of predicted latency")
        + ".\n"
        + costs_sentence(result.costs)
    )
    title = f"{result.genotype.name}: {counted(len(result.history), 'epoch')} in {result.seconds:.0f} s"
    print_table(title, ["cell", "edges per node", ">skips", ">entropy"], cells, caption=caption)
    for sentence in result.undecided:
        print(f"Undecided: {sentence}.")
    print(f"{result.genotype_path}\nhash {result.genotype.hash}")


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.2%}"
