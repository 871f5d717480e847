"""What a busy core costs a search: ways for PyTorch's threads to wait, each on the machine as it is and with one core
taken by a loop that never ends.

    python benchmarks/busy.py                   # the table of docs/benchmarks.md (2 idle cores: 5 minutes)
    python benchmarks/busy.py --json out.json   # also as JSON
    python benchmarks/busy.py --quick           # a small net, to see that it runs

A step is an architecture and a weight step of EnTranNAS. Every way has a process of its own, since environment
variables have to be set before PyTorch is loaded; the processes take turns, and all but one wait for theirs without
computing. What all other programs took of the cores meanwhile is measured and printed: without the loop it should be
near 0, with it near 1, or the figures are those of another load.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import torch
import typer
from running import run, timed
from search_ways import Genocc, Size

from genocc.cli.console import note, print_table
from genocc.files import write_atomically
from genocc.machine import machine
from genocc.threads import SETTINGS, OtherPrograms, adaptive_waiting

GENOCC = "genocc"
WAYS: dict[str, dict[str, str]] = {
    "as PyTorch comes": {},
    GENOCC: {},
    "GOMP_SPINCOUNT=10000": {"GOMP_SPINCOUNT": "10000"},
    "GOMP_SPINCOUNT=1000": {"GOMP_SPINCOUNT": "1000"},
    "OMP_WAIT_POLICY=PASSIVE": {"OMP_WAIT_POLICY": "PASSIVE"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
"""Name -> environment variables."""
LOADS = ("idle", "one core busy")
QUICK = Size(batch=8, channels=8, layers=4, image=16)


def main(
    rounds: Annotated[int, typer.Option(help="How often the ways take turns.")] = 5,
    steps: Annotated[int, typer.Option(help="Steps per turn.")] = 4,
    batch: Annotated[int, typer.Option(help="Images per step.")] = 32,
    only: Annotated[list[str] | None, typer.Option(help="Ways; repeatable [all].")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here too.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="A small net.")] = False,
    way: Annotated[str | None, typer.Option(help="Be the process of a way, and nothing else.")] = None,
) -> None:
    """Prints the table."""
    size = QUICK if quick else Size(batch=batch)
    if way:
        serve(way, size, steps)
        return
    names = only or list(WAYS)
    if unknown := [name for name in names if name not in WAYS]:
        raise typer.BadParameter(f"unknown way '{unknown[0]}'; expected {', '.join(WAYS)}", param_hint="--only")
    turns: dict[tuple[str, str], list[dict[str, float]]] = {(name, load): [] for name in names for load in LOADS}
    with ExitStack() as stack:
        flags = ["--quick"] * quick + [f"--batch={batch}", f"--steps={steps}"]
        processes = {name: stack.enter_context(process(name, flags)) for name in names}
        for number in range(rounds):
            for load in LOADS:
                with busy_core() if load == LOADS[1] else nullcontext():
                    for name, one in processes.items():
                        found = ask(one)
                        turns[name, load].append(found)
                        note(f"round {number + 1}, {load}, {name}: {found['seconds']:.3g} s a step, "
                             f"others {found['others']:.2f} cores")  # fmt: skip
    rows = [
        {"way": name, "load": load, **{key: median(turn[key] for turn in turns[name, load]) for key in found}}
        for name in names
        for load in LOADS
    ]
    by = {(row["way"], row["load"]): row for row in rows}
    print_table(
        f"EnTranNAS, one architecture and one weight step, batch {size.batch}, C = {size.channels}: seconds",
        ["", *(column for load in LOADS for column in (f">{load}", ">CPU s", ">other programs, cores"))],
        [
            [name, *(f"{by[name, load][key]:.2f}" for load in LOADS for key in ("seconds", "cpu_seconds", "others"))]
            for name in names
        ],
        caption=f"{machine()}, PyTorch {torch.__version__}; medians of {rounds} turns of {steps} steps",
    )
    if json_file:
        found_all = {"machine": machine(), "torch": torch.__version__, "rounds": rounds, "steps": steps, "rows": rows}
        write_atomically(json_file, json.dumps(found_all, indent=2) + "\n")


def serve(way: str, size: Size, steps: int) -> None:
    """Takes steps whenever a line comes in, and prints what one took."""
    searcher = Genocc(size, "entrannas")
    for group in ("architecture", "weights"):
        searcher.step(group)
    print("{}", flush=True)
    for _ in sys.stdin:
        others, cpu = OtherPrograms(), os.times()
        with adaptive_waiting(torch.get_num_threads()) if way == GENOCC else nullcontext():
            seconds = timed(lambda: [searcher.step(g) for _ in range(steps) for g in ("architecture", "weights")])
        spent = sum(os.times()[:2]) - sum(cpu[:2])
        found = {"seconds": seconds / steps, "cpu_seconds": spent / steps, "others": others.cores()}
        print(json.dumps(found), flush=True)


@contextmanager
def process(way: str, flags: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Yields the process of a way, once it is ready."""
    inherited = {name: value for name, value in os.environ.items() if name not in (*SETTINGS, "OMP_NUM_THREADS")}
    command = [sys.executable, __file__, "--way", way, *flags]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env={**inherited, **WAYS[way]}, **pipes) as started:
        try:
            note(f"preparing {way}")
            assert started.stdout
            started.stdout.readline()
            yield started
        finally:
            started.kill()


def ask(started: subprocess.Popen[str]) -> dict[str, float]:
    """Returns what a way's turn took."""
    assert started.stdin
    assert started.stdout
    started.stdin.write("\n")
    started.stdin.flush()
    found: dict[str, float] = json.loads(started.stdout.readline())
    return found


@contextmanager
def busy_core() -> Iterator[None]:
    """Takes a core within the context."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as loop:
        try:
            yield
        finally:
            loop.kill()


if __name__ == "__main__":
    run(main)
