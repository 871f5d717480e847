"""``genocc import-weights``."""

from pathlib import Path
from typing import Annotated

import typer

from genocc.cli.console import note
from genocc.cli.options import OutputOption, network_options
from genocc.errors import WeightsError
from genocc.network import NetworkConfig
from genocc.runs.outputs import refuse_overwriting
from genocc.source import Source, open


@network_options
def import_weights(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="A PyTorch checkpoint (.pt, .pth, .tar).")],
    source: Annotated[
        Source,
        typer.Option("--genotype", "-g", metavar="GENOTYPE", parser=open, help="What it was trained with."),
    ],
    output: OutputOption,
    network: NetworkConfig,
    layout: Annotated[str, typer.Option(help="The program that wrote it: darts (also PC-DARTS, P-DARTS).")] = "darts",
    drop_auxiliary: Annotated[bool, typer.Option("--drop-auxiliary", help="Leave its auxiliary head out.")] = False,
) -> None:
    """Convert a checkpoint of a reference program to safetensors weights; no code in it is run."""
    from genocc import checkpoints, weights
    from genocc.nn.checkpoints import import_weights as read_checkpoint
    from genocc.provenance import Provenance

    refuse_overwriting(output, checkpoint, source.where)
    if layout not in checkpoints.LAYOUTS:
        raise WeightsError(f"unknown layout '{layout}'; expected one of {', '.join(checkpoints.LAYOUTS)}")
    genotype, names = source.genotype, checkpoints.LAYOUTS[layout]
    imported = read_checkpoint(checkpoint, genotype, network, names, drop_auxiliary=drop_auxiliary)
    weights.save(imported.arrays, output, Provenance(genotype, imported.config).to_metadata())
    for remark in imported.notes:
        note(f"{checkpoint}: {remark}")
    numbers = sum(array.size for array in imported.arrays.values())
    note(f"{output}: {len(imported.arrays)} tensors, {numbers:,} numbers")
