"""What a search's two steps take in several processes, next to one process on one thread: ratios of one run.

    python benchmarks/shared.py                                  # DARTS, two processes, batch 64 (2 cores: 4 minutes)
    python benchmarks/shared.py --methods darts,pc-darts,ec-darts,entrannas --json out.json
    python benchmarks/shared.py --quick                          # small nets, to see that it runs

All processes have one thread. In each round the first takes the steps alone, while the others sleep, and then all take
them together; the ratio is the median of the rounds' ratios. The machine has to be idle but for this.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Annotated, Any
from unittest.mock import patch

import torch
import typer
from running import run, timed
from search_ways import Resident, Size
from torch import Tensor, distributed

from genocc.cli.console import note, print_table
from genocc.files import write_atomically
from genocc.machine import machine
from genocc.runs.processes import ALONE, Processes
from genocc.searchers.bilevel import Bilevel
from genocc.searchers.config import SearchConfig
from genocc.searchers.interface import DataShape
from genocc.searchers.supernet.net import SuperNet

SMALL = Size(batch=8, channels=4, layers=3, image=8)


@dataclass(frozen=True)
class Row:
    """Measurements of one method.

    Attributes:
        alone: Seconds of both steps in one process, of each round.
        shared: The same of all processes together.
        exchanges: How many tensors the processes exchange in both steps.
        bytes: Their size.
    """

    alone: list[float]
    shared: list[float]
    exchanges: int
    bytes: int

    @property
    def ratio(self) -> float:
        """Share of the time of one process."""
        return median(ours / theirs for ours, theirs in zip(self.shared, self.alone, strict=True))


class Share(Resident):
    """A stream of one batch, of which a process has its share."""

    def __init__(self, size: Size, seed: int, processes: Processes) -> None:
        super().__init__(size, seed)
        images, labels = self.batch
        mine = processes.share(size.batch)
        self.batch = images[mine], labels[mine]


def main(
    methods: Annotated[str, typer.Option(metavar="NAMES", help="Separated by commas.")] = "darts",
    processes: Annotated[int, typer.Option(metavar="N")] = 2,
    batch: Annotated[int, typer.Option(metavar="N")] = 64,
    rounds: Annotated[int, typer.Option(metavar="N")] = 7,
    quick: Annotated[bool, typer.Option("--quick")] = False,
    out: Annotated[Path | None, typer.Option("--json", metavar="FILE")] = None,
) -> None:
    """Starts the processes, and prints what the first has measured."""
    asked = {"size": asdict(SMALL if quick else Size(batch=batch)), "rounds": 2 if quick else rounds}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(processes)}
    environment = {**os.environ, **group, "OMP_NUM_THREADS": "1"}
    request = json.dumps({**asked, "methods": methods.split(",")})
    started = [
        subprocess.Popen(
            [sys.executable, __file__, "--worker", request],
            stdout=subprocess.PIPE,
            text=True,
            env={**environment, "RANK": str(rank)},
        )
        for rank in range(processes)
    ]
    output, *_ = [process.communicate()[0] for process in started]
    if any(process.returncode for process in started):
        raise typer.Exit(1)
    rows = {name: Row(**row) for name, row in json.loads(output).items()}
    size = SMALL if quick else Size(batch=batch)
    print_table(
        f"an architecture and a weight step, batch {size.batch}: 1 and {processes} processes of one thread",
        ["", ">1 process", f">{processes} processes", ">ratio", ">exchanges", ">MB"],
        [
            (
                name,
                f"{median(row.alone):.3g} s",
                f"{median(row.shared):.3g} s",
                f"{row.ratio:.2f}",
                row.exchanges,
                f"{row.bytes / 1e6:.1f}",
            )
            for name, row in rows.items()
        ],
        caption=machine(),
    )
    if out is not None:
        found = {name: {**asdict(row), "ratio": row.ratio} for name, row in rows.items()}
        write_atomically(out, json.dumps({**asked, "processes": processes, "methods": found}, indent=1) + "\n")


def work(request: dict[str, Any]) -> None:
    """What each process does; the first prints its measurements as JSON."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo")
    group = Processes(distributed.get_rank(), distributed.get_world_size())
    size = Size(**request["size"])
    rows = {}
    for method in request["methods"]:
        alone = bilevel(method, size, ALONE) if group.first else None
        shared = bilevel(method, size, group)
        exchanges, exchanged = counted(lambda: steps(shared))  # noqa: B023 (called at once)
        row = Row([], [], exchanges, exchanged)
        for number in range(request["rounds"] + 1):
            distributed.barrier()
            if alone is not None:
                seconds = timed(lambda: steps(alone))  # noqa: B023
            distributed.barrier()
            together = timed(lambda: steps(shared))  # noqa: B023
            if group.first and number:  # the first round is to warm up
                row.alone.append(seconds)
                row.shared.append(together)
                note(f"{method}, round {number}: {seconds:.3g} s alone, {together:.3g} s shared")
        rows[method] = asdict(row)
    if group.first:
        print(json.dumps(rows))
    distributed.destroy_process_group()


def bilevel(method: str, size: Size, processes: Processes) -> Bilevel:
    """Returns the steps of a method, on one batch for each half."""
    config = SearchConfig.make(method, "cifar", size.settings())
    net = SuperNet(config, DataShape(10, 3, (size.image, size.image)), processes=processes)
    halves: Any = (Share(size, 0, processes), Share(size, 1, processes))
    made = Bilevel(net, config, *halves, processes)
    made.begin_epoch(0)
    return made


def steps(search: Bilevel) -> None:
    """Takes a step of either kind."""
    search.architecture_step()
    search.weight_step()


def counted(function: Callable[[], None]) -> tuple[int, int]:
    """Returns how many tensors a function exchanges, and how many bytes they have."""
    sizes: list[int] = []

    def counting(exchange: Callable[..., None]) -> Callable[..., None]:
        def counted(*arguments: Any) -> None:
            tensor = next(argument for argument in reversed(arguments) if isinstance(argument, Tensor))
            sizes.append(tensor.numel() * tensor.element_size())
            exchange(*arguments)

        return counted

    names = ("all_reduce", "all_gather")
    with patch.multiple(distributed, **{name: counting(getattr(distributed, name)) for name in names}):
        function()
    return len(sizes), sum(sizes)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        work(json.loads(sys.argv[2]))
    else:
        run(main)
