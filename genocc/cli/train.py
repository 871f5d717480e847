"""``genocc train``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genocc.cli.console import costs_sentence, counted, print_json, print_table
from genocc.cli.engines import EngineOption, EngineSetOption, JobsOption, chosen_engine
from genocc.cli.options import JsonOption, target_options
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
from genocc.launcher import is_first
from genocc.machine import keep_freed_memory

if TYPE_CHECKING:
    from genocc.training.result import TrainResult


@target_options
def train(
    network: dict[str, Any],
    genotype: Annotated[
        str | None,
        typer.Argument(
            metavar="GENOTYPE",
            help="A genotype file, a run folder, RUN@EPOCH of a search, '-' for standard input, or zoo:NAME; not with "
            "--resume.",
            show_default=False,
        ),
    ] = None,
    data: DataOption = None,
    out: OutOption = None,
    preset: Annotated[
        str | None,
        run_option(
            "--preset",
            help="quick: minutes on a CPU; as in papers: cifar, imagenet, shallow, pc-darts, edarts, tiny-imagenet, "
            "ec-darts-imagenet, nas-bench-201 \\[quick on built-in data, else cifar].",
            metavar="PRESET",
        ),
    ] = None,
    epochs: EpochsOption = None,
    seed: SeedOption = None,
    seeds: Annotated[
        int | None, run_option("--seeds", help="Train N times; prints mean and deviation.", metavar="N")
    ] = None,
    validation: Annotated[
        float | None,
        run_option(
            "--validation",
            help="Hold out training images (a share up to 1, or a number) to choose the best epoch; test images are "
            "measured once, at the end \\[test images choose it].",
            metavar="N",
        ),
    ] = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    size: SizeOption = None,
    download: DownloadOption = None,
    tensorboard: Annotated[
        bool | None, run_option("--tensorboard", help="Write TensorBoard events to RUN/tensorboard too.")
    ] = None,
    track: TrackOption = None,
    device: DeviceOption = "auto",
    resume: ResumeOption = False,
    engine: EngineOption = None,
    jobs: JobsOption = None,
    engine_set: EngineSetOption = None,
    json: JsonOption = False,
) -> None:
    """Train a genotype's net from scratch; RUN is then ready for `genocc compile RUN`.

    Ctrl-C finishes the batch and exits with 130; --resume goes on as if nothing had happened. On several GPUs or
    machines: torchrun --nproc-per-node N -m genocc train ...
    """
    import genocc
    from genocc.runs.progress import ConsoleProgress

    keep_freed_memory()
    result = genocc.train(
        genotype,
        out,
        data=data,
        preset=preset,
        seed=seed,
        seeds=seeds,
        validation=validation,
        epochs=epochs,
        config=config,
        overrides=set_ or (),
        network=network,
        size=size,
        download=download,
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
        if result.seeds:
            _print_seeds(result.seeds)
        _print(result)


def _print_seeds(results: "Sequence[TrainResult]") -> None:
    from genocc.training.result import over_seeds

    found = over_seeds(results)
    rows = [
        (one.path.name, *(f"{figures['values'][number]:.2%}" for figures in found.values()))
        for number, one in enumerate(results)
    ]
    deviations = ["-" if one["deviation"] is None else f"{one['deviation']:.2%}" for one in found.values()]
    total = [f"{one['mean']:.2%} ± {other}" for one, other in zip(found.values(), deviations, strict=True)]
    part = results[0].measured
    names = {"best": f"best, {part}", "last": f"last, {part}", "test": "best, test"}
    caption = "Top-1; the mean, and the deviation of the sample (n - 1). Below: the best seed."
    columns = ["seed", *(f">{names[name]}" for name in found)]
    print_table("seeds", columns, [*rows, ("mean ± deviation", *total)], caption=caption)


def _print(result: "TrainResult") -> None:
    rows: list[Sequence[object]] = []
    for name, line in (("best", result.best), ("last", result.history[-1])):
        for which in (result.measured, "average"):
            if (found := line.get(which)) is not None:
                title = name if which == result.measured else f"{name}, averaged weights"
                rows.append((title, line["epoch"], *_shares(found), f"{line['training']['loss']:.3f}"))
    if result.test is not None:
        rows.append(("best, on the test images", result.test["epoch"], *_shares(result.test), None))
    network, (height, width) = result.network, result.network.input_size
    caption = (
        f"{network.skeleton}, C={network.channels}, L={network.layers}, {network.input_channels}x{height}x{width}, "
        f"{network.classes} classes. "
    )
    if result.test is None:
        caption += (
            "The best epoch is chosen on the test images, so its accuracy is a little too good; papers report the last."
        )
    else:
        caption += "Held-out training images choose the best epoch; the test images were measured with it alone."
    caption += "\n" + costs_sentence(result.costs)
    title = f"{result.genotype.name}: {counted(len(result.history), 'epoch')} in {result.seconds:.0f} s"
    print_table(title, ["weights", ">epoch", ">top-1", ">top-5", ">training loss"], rows, caption=caption)
    print(result.weights)


def _shares(found: dict[str, Any]) -> tuple[str, str]:
    return f"{found['top1']:.2%}", "-" if found["top5"] is None else f"{found['top5']:.2%}"
