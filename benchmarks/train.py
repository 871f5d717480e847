"""What a training step costs, next to the same net of PyTorch's own modules: one run, one machine, as ratios.

    python benchmarks/train.py                       # four cells of the zoo (2 cores: 3 minutes)
    python benchmarks/train.py --channels 36 --layers 20 --batch 96
    python benchmarks/train.py --quick               # small nets, to see that it runs

Forward and backward pass and the step of SGD in float32, channels last. The nets have the same weights and differ in
nothing but the backward pass of their dilated convolutions. The ways take turns, and each ratio is the median of the
rounds' ratios; treat 5% as a tie.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Annotated

import torch
import typer
from running import run, timed
from torch import nn
from torch.nn.functional import cross_entropy

import genocc
from genocc.cli.console import print_table
from genocc.files import write_atomically
from genocc.genotype import Genotype
from genocc.graph import Node
from genocc.machine import keep_freed_memory, machine
from genocc.network import NetworkConfig
from genocc.nn.primitives import EMITTERS, DilatedConv2d, Emitters, TorchOp
from genocc.nn.target_net import TargetNet
from genocc.primitives import Conv2d

CELLS = ("darts-v1", "darts-v2", "pdarts", "pc-darts-cifar")


def pytorchs(conv: Conv2d, node: Node) -> TorchOp:
    """PyTorch's own convolution for dilated ones."""
    op = EMITTERS[Conv2d](conv, node)
    return TorchOp(nn.Conv2d, op.arguments) if op.target is DilatedConv2d else op


WAYS: dict[str, Emitters] = {"PyTorch's modules": {**EMITTERS, Conv2d: pytorchs}, "genocc train": EMITTERS}


def main(
    cells: Annotated[str, typer.Option(help="Of the zoo, separated by commas.")] = ",".join(CELLS),
    channels: Annotated[int, typer.Option(help="C of the first cells.")] = 16,
    layers: Annotated[int, typer.Option(help="Cells.")] = 8,
    size: Annotated[int, typer.Option(help="Height and width of the images.")] = 32,
    batch: Annotated[int, typer.Option(help="Images per batch.")] = 64,
    rounds: Annotated[int, typer.Option(help="How often the ways take turns.")] = 5,
    threads: Annotated[int | None, typer.Option(help="Threads [one a core].")] = None,
    quick: Annotated[bool, typer.Option(help="Small nets, one round.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file as well.")] = None,
) -> None:
    """Prints the table."""
    if threads:
        torch.set_num_threads(threads)
    if quick:
        channels, layers, size, batch, rounds = 4, 3, 8, 4, 1
    keep_freed_memory()
    config = NetworkConfig(channels=channels, layers=layers, input_size=(size, size))
    found = {name: seconds(genocc.load(f"zoo:{name}"), config, batch, rounds) for name in cells.split(",")}
    theirs, ours = WAYS
    print_table(
        f"a training step, C = {channels}, {layers} cells, {size}x{size}, batch {batch}",
        ["", f">{theirs}, s", f">{ours}, s", ">x faster"],
        [
            [
                name,
                *(f"{median(turns[way]):.3f}" for way in WAYS),
                f"{median(a / b for a, b in zip(turns[theirs], turns[ours], strict=True)):.2f}",
            ]
            for name, turns in found.items()
        ],
        caption=f"{machine()}, {torch.get_num_threads()} threads, PyTorch {torch.__version__}",
    )
    if json_file:
        write_atomically(json_file, json.dumps({"machine": machine(), "seconds": found}, indent=2) + "\n")


def seconds(genotype: Genotype, config: NetworkConfig, batch: int, rounds: int) -> dict[str, list[float]]:
    """Returns the seconds of a step in each round, by way; the first steps are not counted."""
    steps = {way: step(genotype, config, batch, emitters) for way, emitters in WAYS.items()}
    for warm_up in steps.values():
        warm_up()
    turns = [{way: timed(taken) for way, taken in steps.items()} for _ in range(rounds)]
    return {way: [turn[way] for turn in turns] for way in WAYS}


def step(genotype: Genotype, config: NetworkConfig, batch: int, emitters: Emitters) -> Callable[[], None]:
    """Returns what takes a step of a new net on one batch."""
    net = TargetNet(genotype, config, seed=0, emitters=emitters).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.025, momentum=0.9, weight_decay=3e-4)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(batch, config.input_channels, *config.input_size, generator=generator)
    images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.randint(config.classes, (batch,), generator=generator)

    def take() -> None:
        optimizer.zero_grad()
        cross_entropy(net(images), labels).backward()
        optimizer.step()

    return take


if __name__ == "__main__":
    run(main)
