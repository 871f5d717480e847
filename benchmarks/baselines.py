"""Every method beside the baseline `random`: seeds of each, searched and trained, and a table of what they came to.

    python benchmarks/baselines.py --out runs/baselines            # 11 methods, 5 seeds, on digits: hours on two cores
    python benchmarks/baselines.py --out runs/baselines --table    # the table of what is there so far, in Markdown

Seed k of all methods comes before seed k + 1 of any, so that an earlier end leaves a table of fewer seeds. A call with
the same folder goes on where the last one ended. Each run is a process of one thread: OUT/METHOD/seed-K/search, then
OUT/METHOD/seed-K/train.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean, stdev
from typing import Annotated

import typer
from running import run

from genocc.cli.console import note
from genocc.errors import ConfigError, GenoccError
from genocc.runs.reading import CONFIG
from genocc.searchers.method import methods
from genocc.searchers.result import SearchResult
from genocc.training.result import TrainResult

BASELINE = "random"
COLUMNS = ("method", "seeds", "super-net", "child net", "trained", "edges", "MACs, million")
Found = tuple[SearchResult, TrainResult]


def main(
    out: Annotated[Path, typer.Option(help="Where the runs are.")],
    method: Annotated[list[str] | None, typer.Option(help="Methods; repeatable [all].")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds of each.")] = 5,
    jobs: Annotated[int, typer.Option(min=1, help="Processes at a time, of one thread each.")] = 1,
    table: Annotated[bool, typer.Option("--table", help="Run nothing; print what is there.")] = False,
) -> None:
    """Runs what is missing, and prints the table."""
    names = method or sorted(methods(), key=lambda name: name != BASELINE)
    if unknown := [name for name in names if name not in methods()]:
        raise ConfigError(f"unknown method '{unknown[0]}'; expected one of {', '.join(methods())}")
    failed: list[bool] = []
    if not table:
        folders = [(name, seed, folder(out, name, seed)) for seed in range(seeds) for name in names]
        with ThreadPoolExecutor(jobs) as pool:
            failed = [not well for well in pool.map(lambda one: search_and_train(*one), folders)]
    print(markdown({name: found(out, name, seeds) for name in names}))
    if any(failed):
        raise GenoccError(f"{sum(failed)} of {len(failed)} runs failed; their output is in {out}/METHOD/seed-K/*.txt")


def folder(out: Path, method: str, seed: int) -> Path:
    """Returns the folder of a seed's search and training."""
    return out / method / f"seed-{seed}"


def search_and_train(method: str, seed: int, parent: Path) -> bool:
    """Runs both, or what is missing of them; returns whether both are there."""
    search, train = parent / "search", parent / "train"
    asked = ["--method", method, "--preset", "quick", "--data", "digits", "--seed", str(seed)]
    return genocc("search", asked, search) and genocc("train", [str(search), "--seed", str(seed)], train)


def genocc(command: str, arguments: Sequence[str], out: Path) -> bool:
    """Runs a command to its end, or goes on with its run; returns whether it did well."""
    given = ["--resume"] if (out / CONFIG).exists() else arguments
    call = [sys.executable, "-m", "genocc", command, *given, "--out", str(out), "--device", "cpu"]
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.with_suffix(".txt").open("a", encoding="utf-8") as log:
        code = subprocess.run(call, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=log, stderr=log).returncode
    note(f"{out}: {'done' if code == 0 else f'exit code {code}'}")
    return code == 0


def found(out: Path, method: str, seeds: int) -> list[Found]:
    """Returns the seeds of a method that were searched and trained."""
    folders = [folder(out, method, seed) for seed in range(seeds)]
    pairs = []
    for one in folders:
        try:
            pairs.append((SearchResult.read(one / "search"), TrainResult.read(one / "train")))
        except GenoccError:  # not finished
            continue
    return pairs


def markdown(results: dict[str, list[Found]]) -> str:
    """Returns the table; methods of which there is no seed yet are left out."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    for name, pairs in results.items():
        if pairs:
            lines.append("| " + " | ".join((name, str(len(pairs)), *_figures(pairs))) + " |")
    return "\n".join(lines)


def _figures(pairs: Sequence[Found]) -> list[str]:
    searches, trainings = [search for search, _ in pairs], [training for _, training in pairs]
    kinds = searches[0].genotype.cells
    edges = [mean(sum(map(len, one.genotype.cells[kind].nodes)) for one in searches) for kind in kinds]
    return [
        _accuracy([one.validation_accuracy for one in searches]),
        _accuracy([one.child_accuracy for one in searches]),
        _accuracy([one.last_top1 for one in trainings]),
        " + ".join(f"{number:g}" for number in edges),
        spread([one.macs / 1e6 for one in searches], "{:.0f}".format),
    ]


def _accuracy(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return spread(known, "{:.2%}".format) if known else "-"


def spread(values: Sequence[float], form: Callable[[float], str]) -> str:
    """Returns mean ± deviation of the sample (n - 1) as text; of one value, the value."""
    return form(mean(values)) + (f" ± {form(stdev(values))}" if len(values) > 1 else "")


if __name__ == "__main__":
    run(main)
