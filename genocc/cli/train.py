"""``genocc train``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genocc.cli.console import print_json, print_table
from genocc.cli.options import JsonOption, target_options

if TYPE_CHECKING:
    from genocc.searchers.training.result import TrainResult


def _option(*names: str, help: str, metavar: str | None = None) -> Any:
    return typer.Option(*names, help=help, metavar=metavar, show_default=False)


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
    data: Annotated[
        str | None,
        _option(
            "--data",
            help="digits, cifar10, cifar100, fake, NAME:FOLDER, or a folder of class folders \\[digits].",
            metavar="DATA",
        ),
    ] = None,
    out: Annotated[
        Path | None, _option("--out", "-o", help="The run folder \\[a new one below runs].", metavar="RUN")
    ] = None,
    preset: Annotated[
        str | None,
        _option(
            "--preset",
            help="quick: minutes on a CPU; cifar, imagenet, shallow: as in the papers \\[quick on built-in data].",
            metavar="PRESET",
        ),
    ] = None,
    epochs: Annotated[int | None, _option("--epochs", help="Instead of the preset's.", metavar="N")] = None,
    seed: Annotated[int | None, _option("--seed", help="Of everything random [0].", metavar="N")] = None,
    set_: Annotated[
        list[str] | None,
        _option(
            "--set",
            help="Any setting of any part, such as regularization.drop_path=0.3; repeatable.",
            metavar="PART.FIELD=VALUE",
        ),
    ] = None,
    size: Annotated[int | None, _option("--input-size", help="Height and width of the images.", metavar="SIZE")] = None,
    download: Annotated[bool | None, _option("--download", help="Fetch a missing data set.")] = None,
    tensorboard: Annotated[
        bool | None, _option("--tensorboard", help="Write TensorBoard events to RUN/tensorboard too.")
    ] = None,
    device: Annotated[str, _option("--device", help="cpu or cuda \\[a GPU, if any].", metavar="DEVICE")] = "auto",
    resume: Annotated[bool, _option("--resume", help="Go on with the run in --out.")] = False,
    json: JsonOption = False,
) -> None:
    """Train a genotype's net from scratch; RUN is then ready for `genocc compile RUN`.

    Ctrl-C finishes the batch and exits with 130; --resume goes on as if nothing had happened. On several GPUs or
    machines: torchrun --nproc-per-node N -m genocc train ...
    """
    import genocc
    from genocc.searchers.processes import is_first
    from genocc.searchers.progress import ConsoleProgress

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
        f"{network.classes} classes. The best epoch is chosen on the test images, and a little lucky therefore; papers "
        "report the last."
    )
    title = f"{result.genotype.name}: {len(result.history)} epochs in {result.seconds:.0f} s"
    print_table(title, ["weights", ">epoch", ">top-1", ">top-5", ">training loss"], rows, caption=caption)
    print(result.weights)
