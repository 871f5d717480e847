"""``genocc package``."""

from pathlib import Path
from typing import Annotated

import typer

from genocc.cli.console import note, print_json
from genocc.cli.options import GenotypeArgument, JsonOption, network_options
from genocc.network import NetworkConfig


@network_options
def package(
    source: GenotypeArgument,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where to write; new or empty.")],
    network: NetworkConfig,
    weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Trained weights (.safetensors) of what is no training run.")
    ] = None,
    openvino: Annotated[bool, typer.Option("--openvino", help="Add files for OpenVINO.")] = False,
    license: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="Licence of the weights, such as cc-by-4.0 \\[not stated].", show_default=False
        ),
    ] = None,
    push: Annotated[
        str | None,
        typer.Option(metavar="USER/NAME", help="Upload the folder to the Hugging Face Hub too.", show_default=False),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Write a folder to hand on: weights, ONNX, Python source, cells, model card; it needs no genocc.

    The folder appears only if every file in it computes what the net does in PyTorch (exit code 1 if not).
    """
    from genocc.exporters import package as packages
    from genocc.exporters.package import hub
    from genocc.verification import MismatchError

    if push:
        hub.check_repository(push)
    try:
        written = packages.package(source, output, network, weights=weights, openvino=openvino, license=license)
    except MismatchError as error:
        note(f"genocc: {error}")
        raise typer.Exit(1) from None
    address = hub.push(output, push) if push else None
    if json:
        print_json({**written.to_dict(), "pushed": address})
        return
    size = sum(written.files.values()) / 2**20
    print(f"{output}: {source.genotype.name}, {len(written.files)} files, {size:.2f} MiB")
    for name, length in written.files.items():
        print(f"  {name:20} {length:>12,} bytes")
    if address:
        print(f"pushed: {address}")
