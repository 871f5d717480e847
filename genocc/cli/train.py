"""``genocc train``."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from genocc.cli.console import costs_sentence, counted, print_json, print_table
from genocc.cli.options import JsonOption, target_options
from genocc.cli.runs import (
    DataOption,
    DeviceOption,
    DownloadOption,
    EpochsOption,
    OutOption,
    ResumeOption,
    SeedOption,
    SetOption,
    SizeOption,
    run_option,
)

if TYPE_CHECKING:
    from genocc.training.result import TrainResult


@target_options
def train(
    network: dict[str, Any],
    genotype: Annotated[
        str | None,
        typer.Argument(
            metavar="GENOTYPE",
            help="A genotype file, a run folder, '-' for standard input, or zoo:NAME; not with --resume.",
            show_default=False,
        ),
    ] = None,
    data: DataOption = None,
    out: OutOption = None,
    preset: Annotated[
        str | None,
        run_option(
            "--preset",
            help="quick: minutes on a CPU; cifar, imagenet, shallow: as in the papers \\[quick on built-in data].",
            metavar="PRESET",
        ),
    ] = None,
    epochs: EpochsOption = None,
    seed: SeedOption = None,
    set_: SetOption = None,
    size: SizeOption = None,
    download: DownloadOption = None,
    tensorboard: Annotated[
        bool | None, run_option("--tensorboard", help="Write TensorBoard events to RUN/tensorboard too.")
    ] = None,
    device: DeviceOption = "auto",
    resume: ResumeOption = False,
    json: JsonOption = False,
) -> None:
    """Train a genotype's net from scratch; RUN is then ready for `genocc compile RUN`.

    Ctrl-C finishes the batch and exits with 130; --resume goes on as if nothing had happened. On several GPUs or
    machines: torchrun --nproc-per-node N -m genocc train ...
    """
    import genocc
    from genocc.runs.processes import is_first
    from genocc.runs.progress import ConsoleProgress

    result = genocc.train(
        genotype,
        out,
        data=data,
        preset=preset,
        seed=seed,
        epochs=epochs,
        overrides=set_ or (),
        network=network,
        size=size,
        download=download,
        tensorboard=tensorboard,
        device=device,
        resume=resume,
        progress=ConsoleProgress(),
    )
    if not is_first():
        return
    if json:
        print_json(result.to_dict())
    else:
        _print(result)


def _print(result: "TrainResult") -> None:
    rows = []
    for name, line in (("best", result.best), ("last", result.history[-1])):
        for which in ("test", "average"):
            if (found := line.get(which)) is not None:
                top5 = "-" if found["top5"] is None else f"{found['top5']:.2%}"
                title = name if which == "test" else f"{name}, averaged weights"
                rows.append((title, line["epoch"], f"{found['top1']:.2%}", top5, f"{line['training']['loss']:.3f}"))
    network, (height, width) = result.network, result.network.input_size
    caption = (
        f"{network.skeleton}, C={network.channels}, L={network.layers}, {network.input_channels}x{height}x{width}, "
        f"{network.classes} classes. The best epoch is chosen on the test images, so its accuracy is a little too "
        "good; papers report the last.\n" + costs_sentence(result.costs)
    )
    title = f"{result.genotype.name}: {counted(len(result.history), 'epoch')} in {result.seconds:.0f} s"
    print_table(title, ["weights", ">epoch", ">top-1", ">top-5", ">training loss"], rows, caption=caption)
    print(result.weights)
