"""``genocc evaluate``."""

from typing import Annotated

import typer

from genocc.cli.console import note, print_json
from genocc.cli.options import JsonOption


def evaluate(
    net: Annotated[
        str, typer.Argument(metavar="NET", help="A folder of `genocc train`, or a .safetensors, .onnx or .xml file.")
    ],
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="DATA",
            help="digits, cifar10, cifar100, fake, NAME:FOLDER, or a folder of class folders \\[a training run's own; "
            "a deployed file has none].",
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(metavar="N", help="At most N images, evenly spaced \\[all].", show_default=False)
    ] = None,
    batch: Annotated[
        int | None, typer.Option(metavar="N", help="Images at a time \\[128].", show_default=False)
    ] = None,
    provider: Annotated[
        str, typer.Option("--provider", "--device", metavar="cpu|cuda", help="Where to run the net.")
    ] = "cpu",
    runtime: Annotated[
        str | None,
        typer.Option(
            "--runtime", metavar="NAME", help="What runs the net \\[the first of its kind].", show_default=False
        ),
    ] = None,
    pixels: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="What another program's file takes: uint8, unit (0..1) or normalized.",
            show_default=False,
        ),
    ] = None,
    split_seed: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Which images of a folder without test part are its test \\[the run's, or 0].",
            show_default=False,
        ),
    ] = None,
    center_crop: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Take this share of each image's middle: 0.875 is 224 of 256 \\[the run's, or 1].",
            show_default=False,
        ),
    ] = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch a missing data set.")] = False,
    json: JsonOption = False,
) -> None:
    """Measure top-1 and top-5 accuracy of a trained net on a data set's test images.

    ONNX Runtime runs .onnx files, OpenVINO .xml files, PyTorch all others, unless --runtime names another (`genocc
    runtimes`). Images are resized to the net's size, and normalised unless the file does so itself.
    """
    import genocc

    found = genocc.evaluate(
        net,
        data=data,
        limit=limit,
        batch=batch,
        provider=provider,
        pixels=pixels,
        runtime=runtime,
        split_seed=split_seed,
        center_crop=center_crop,
        download=download,
        note=note,
    )
    if json:
        print_json(found.to_dict())
        return
    accuracy = found.accuracy
    top5 = "" if accuracy.top5 is None else f", top-5 {accuracy.top5:.2%}"
    print(f"{found.net} on {found.data}: top-1 {accuracy.top1:.2%}{top5}, {accuracy.images:,} test images")
    speed = accuracy.images / found.seconds
    note(f"{found.runtime} on {found.provider}, {speed:,.0f} images/s with their loading; {found.weights}")
