"""What a step of every method's search costs: seconds of either kind of step, and peak memory of the device.

    python benchmarks/method_steps.py                         # on a GPU, batch 64, 32x32, the papers' super-nets
    python benchmarks/method_steps.py --device cpu --quick    # small nets, to see that it runs

Methods with stages are in their first. Medians; the first step of each kind, which prepares, does not count. IST's
steps are those of its one-shot and architecture phases.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import torch
import typer
from running import run, timed
from search_ways import Genocc, Size

from genocc.cli.console import print_table
from genocc.files import write_atomically
from genocc.runtimes.torch import torch_device
from genocc.searchers.config import SearchConfig
from genocc.searchers.interface import Group
from genocc.searchers.method import methods

GROUPS: tuple[Group, Group] = ("architecture", "weights")
QUICK = {"batch": 8, "channels": 12, "layers": 3, "image": 16}


def main(
    device: Annotated[str, typer.Option(help="cuda or cpu.")] = "cuda",
    rounds: Annotated[int, typer.Option(help="Steps of either kind.")] = 10,
    bfloat16: Annotated[bool, typer.Option(help="Features in bfloat16.")] = False,
    quick: Annotated[bool, typer.Option(help="Small nets, two steps.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures to this file as well.")] = None,
) -> None:
    """Prints a table, a row per method that trains a super-net."""
    place = torch_device(device)
    low = ("supernet.precision=bfloat16",) if bfloat16 else ()
    rows = []
    for name in methods():
        config = SearchConfig.make(name)
        if not config.schedule.trains:
            continue
        own: dict[str, Any] = {"channels": config.supernet.channels, "layers": config.supernet.layers}
        size = Size(**{**own, **(QUICK if quick else {})}, device=place.type)
        found = measured(Genocc(size, name, *low), 1 if quick else rounds)
        rows.append({"method": name, **asdict(size), **found})
        print(f"{name}: {found['architecture']:.4f} + {found['weights']:.4f} s", flush=True)
    shown = [
        [
            row["method"], row["channels"], row["layers"], row["batch"],
            *(f"{1e3 * row[group]:.1f}" for group in GROUPS), megabytes(row["peak_bytes"]),
        ]
        for row in rows
    ]  # fmt: skip
    where = torch.cuda.get_device_name() if place.type == "cuda" else f"{torch.get_num_threads()} CPU threads"
    caption = f"{where}, PyTorch {torch.__version__}"
    columns = ["method", ">C", ">cells", ">batch", ">architecture ms", ">weights ms", ">peak MB"]
    print_table("steps", columns, shown, caption=caption)
    if json_file:
        write_atomically(json_file, json.dumps({"where": caption, "rows": rows}, indent=2) + "\n")


def measured(searcher: Genocc, rounds: int) -> dict[str, Any]:
    """Returns median seconds of both kinds of steps, and the most bytes allocated on a GPU; None on a CPU."""
    cuda = searcher.images.is_cuda
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    seconds = [[timed(partial(searcher.step, group)) for group in GROUPS] for _ in range(rounds + 1)][1:]
    found = dict(zip(GROUPS, (median(column) for column in zip(*seconds, strict=True)), strict=True))
    return {**found, "peak_bytes": torch.cuda.max_memory_allocated() if cuda else None}


def megabytes(size: int | None) -> str:
    """Returns an amount of memory for the table."""
    return "-" if size is None else f"{size / 1e6:.0f}"


if __name__ == "__main__":
    run(main)
