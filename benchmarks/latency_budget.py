"""Searches under a budget of latency against the same searches under a budget of MACs: measured latency and accuracy.

    python benchmarks/latency_budget.py --out runs/budget --jobs 2            # about 45 minutes on 2 idle cores
    python benchmarks/latency_budget.py --out runs/budget --jobs 2            # again: goes on, and measures anew
    python benchmarks/latency_budget.py --out runs/quick --quick              # tiny searches, to see that it runs

Each budget is what a quarter of random cells cost at most. The searches differ in nothing else; what they find is
trained, and all nets are timed in the runtime in one go. Nothing else should run while profile and nets are measured.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import quantiles
from typing import Annotated, Any

import typer
from running import run

import genocc
from genocc import NetworkConfig
from genocc.cli.console import note, print_table
from genocc.errors import GenoccError
from genocc.experiments.plan import Plan
from genocc.experiments.sources import own_plan
from genocc.experiments.table import cell, make_table
from genocc.exporters.bench.profiling import measured, profile
from genocc.files import explained, write_atomically
from genocc.latency.prediction import predict
from genocc.latency.profile import Profile
from genocc.runs.reading import RUN_GENOTYPE
from genocc.runtimes.table import runtime as runtime_of
from genocc.searchers.sampling import sample
from genocc.threads import OtherPrograms

BUDGETS = ("latency", "macs")
STRENGTHS = (0.1, 0.3)
"""Factors of the penalties: by so much does a net that costs as much as its budget add to the loss."""
SEEDS = 3
NETWORK = NetworkConfig(channels=16, layers=8, input_size=(16, 16))
"""The budgets' target, which is also the net that is trained."""
TIMINGS = 3
"""How often each net is timed; its fastest counts, as in a profile."""

FILE = """\
title = "A budget of latency and one of MACs, on digits"
heading = "budget, strength"
seeds = {seeds}

[search]
method = "darts"
preset = "quick"
data = "digits"
set = {{ budget.channels = {channels}, budget.layers = {layers} }}

[train]
preset = "quick"
data = "digits"
set = {{ network.channels = {channels}, network.layers = {layers} }}

[[column]]
name = "trained"
value = "train.last"
unit = "%"

[[column]]
name = "latency"
title = "predicted latency"
value = "search.latency"
unit = "ms"

[[column]]
name = "macs"
title = "MACs"
value = "search.macs"
unit = "M"

[scale.quick]
seeds = 1
search = {{ epochs = 2, set = {{ data.training = 40, data.validation = 40, supernet.layers = 3 }} }}
train = {{ epochs = 1, set = {{ data.training = 40 }} }}

[scale.small]
"""
ROW = """
[[row]]
name = "{name}"
search.set = {{ {settings} }}
"""


def main(
    out: Annotated[Path, typer.Option(help="Folder of the experiment; it goes on where it stopped.")],
    profile_file: Annotated[Path | None, typer.Option("--profile", help="A file of genocc profile.")] = None,
    runtime: Annotated[str, typer.Option(help="onnxruntime or openvino.")] = "onnxruntime",
    jobs: Annotated[int, typer.Option(help="Searches and trainings at a time.")] = 1,
    quick: Annotated[bool, typer.Option(help="Tiny searches, to see that it runs.")] = False,
) -> None:
    """Searches, trains, measures, and prints both budgets side by side."""
    with explained(out, "make"):
        out.mkdir(parents=True, exist_ok=True)
    found = _profile(out / "profile.json", profile_file, runtime, quick)
    limits = _budgets(out / "budgets.json", found, 8 if quick else 100)
    file, folder = out / "experiment.toml", out / "experiment"
    if not file.exists():
        write_atomically(file, lambda path: path.write_text(_experiment(out / "profile.json", limits)))
    begun = ["--resume"] if folder.exists() else ["--scale", "quick" if quick else "small"]
    command = [sys.executable, "-m", "genocc", "experiment"]
    named = [str(folder)] if folder.exists() else [str(file), "--out", str(folder)]
    if subprocess.run([*command, *named, *begun, "--jobs", str(jobs)], check=False).returncode:
        raise GenoccError(f"{folder}: the experiment has not ended; run this again to go on")
    _print(own_plan(folder), found, limits)


def _profile(kept: Path, given: Path | None, runtime: str, quick: bool) -> Profile:
    """The profile of the experiment: as it was kept, a copy of a file, or measured now."""
    if kept.exists():
        return Profile.load(kept)
    if given is not None:
        found = Profile.load(given)
    else:
        sizes: dict[str, Any] = {"number": 32, "rounds": 1} if quick else {}
        found = profile(
            runtime, channels=(NETWORK.channels,), layers=(5, NETWORK.layers), input_size=NETWORK.input_size, note=note,
            **sizes,
        )  # fmt: skip
    found.dump(kept)
    return found


def _budgets(kept: Path, found: Profile, number: int) -> dict[str, float]:
    """Seconds and MACs that a quarter of random cells have at most."""
    if not kept.exists():
        cells = [genocc.load(path) for path in sample(kept.parent / "samples", number)]
        costs = {
            "latency": [predict(cell, found, NETWORK).seconds for cell in cells],
            "macs": [genocc.count(cell, NETWORK).total.macs for cell in cells],
        }
        limits = {name: quantiles(values, n=4)[0] for name, values in costs.items()}
        write_atomically(kept, lambda path: path.write_text(json.dumps(limits)))
    limits = json.loads(kept.read_text())
    return {name: float(limits[name]) for name in BUDGETS}


def _experiment(profile_file: Path, limits: dict[str, float]) -> str:
    text = FILE.format(seeds=SEEDS, channels=NETWORK.channels, layers=NETWORK.layers)
    for strength in STRENGTHS:
        for name in BUDGETS:
            limit = limits[name] if name == "latency" else round(limits[name])
            settings = (
                f"budget.latency = {json.dumps(str(profile_file.absolute()))}, budget.max_{name} = {limit}, "
                f"penalties.{name}.factor = {strength}"
            )
            text += ROW.format(name=f"{name}-{strength}", settings=settings)
    return text


def _print(plan: Plan, found: Profile, limits: dict[str, float]) -> None:
    """Times what was found, and prints a line per row."""
    cells = [
        [genocc.load(point.search.folder / RUN_GENOTYPE) for point in row.points if point.search] for row in plan.rows
    ]
    others = OtherPrograms()
    nets = [(genotype, NETWORK) for of_row in cells for genotype in of_row]
    timings = measured(nets, runtime_of(found.runtime), found.threads, TIMINGS, note)
    taken = others.cores()
    latencies = iter([min(of_net) for of_net in timings])
    limit = 1e3 * limits["latency"]
    table = make_table(plan, {})
    by_name = {column.name: column for column in table.columns}
    lines = []
    for row, of_row in zip(plan.rows, cells, strict=True):
        timed = [next(latencies) for _ in of_row]
        measured_here = cell(row, by_name["latency"], [{"search.latency": seconds} for seconds in timed])
        met = f"{sum(seconds <= limits['latency'] for seconds in timed)} of {len(timed)}"
        shown = [table.cells[row.row.name][column].text() for column in ("latency", "macs", "trained")]
        lines.append((row.row.name, measured_here.text(), met, *shown))
    busy = "" if taken is None else f"; other programs took {taken:.1f} cores meanwhile"
    print_table(
        f"Searches under a budget of {limit:.3f} ms or {limits['macs'] / 1e6:.2f} M MACs, by strength of its penalty",
        ["budget", ">measured (ms)", f">within {limit:.3f} ms", ">predicted (ms)", ">MACs (M)", ">trained, test (%)"],
        lines,
        caption=f"{found.runtime} {found.version}, batch 1, {found.threads} threads; {found.machine}{busy}.",
    )


if __name__ == "__main__":
    run(main)
