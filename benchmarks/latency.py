"""How well a profile predicts the latency of nets that it was not measured on: profile, 100 random genotypes, scatter.

    python benchmarks/latency.py -o latency.svg                        # about 11 minutes on 2 idle cores (estimate)
    python benchmarks/latency.py -o latency.svg --runtime openvino
    python benchmarks/latency.py -o latency.svg --profile cpu.json     # without the profiling: about 6 minutes
    python benchmarks/latency.py -o latency.svg --quick                # small nets, to see that it runs: a minute

Profile and nets are measured in one run, on a machine on which nothing else runs. The exit code is 1 where the figures
miss the targets of docs/latency.md.
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Annotated

import typer

from genocc.cli.console import note, print_table
from genocc.exporters.bench.charts import SUFFIXES, check_suffix
from genocc.exporters.bench.profiling import measured, profile
from genocc.exporters.drawing.style import figure_style
from genocc.files import write_atomically
from genocc.latency.designs import Net, random_genotype
from genocc.latency.model import errors
from genocc.latency.prediction import predict
from genocc.latency.profile import Profile
from genocc.network import NetworkConfig
from genocc.results.correlation import correlate
from genocc.runtimes.table import runtime as runtime_of
from genocc.threads import OtherPrograms

TAU, MEDIAN, MOST = 0.95, 0.07, 0.15
"""Targets: Kendall's tau-b, the median and the 90th percentile of the relative errors."""
SEED = 1_000_003
"""Of the genotypes; those of the profile have another."""
NUMBER = 100


def main(
    output: Annotated[Path, typer.Option("--output", "-o", help="The scatter plot: svg, pdf or png.")],
    runtime: Annotated[str, typer.Option(help="onnxruntime or openvino.")] = "onnxruntime",
    profile_file: Annotated[Path | None, typer.Option("--profile", help="A file of genocc profile.")] = None,
    rounds: Annotated[int, typer.Option(help="How often each net is timed; its fastest round counts.")] = 3,
    threads: Annotated[int | None, typer.Option(help="Threads [one per core].")] = None,
    quick: Annotated[bool, typer.Option(help="Small nets, and few.")] = False,
) -> None:
    """Prints the figures and draws predicted against measured latency."""
    check_suffix(output)
    began = time.monotonic()
    if profile_file is not None:
        found = Profile.load(profile_file)
        if found.runtime != runtime:
            note(f"{profile_file}: was measured in {found.runtime}; found --runtime {runtime}")
            raise typer.Exit(2)
    elif quick:
        found = profile(
            runtime, channels=(4, 8), layers=(3,), input_size=(16, 16), number=32, rounds=1, threads=threads, note=note
        )
    else:
        found = profile(runtime, rounds=rounds, threads=threads, note=note)
    nets = random_nets(found, (3, 4) if quick else (8, 14), 12 if quick else NUMBER)
    predicted = [predict(genotype, found, config).seconds for genotype, config in nets]
    others = OtherPrograms()
    timings = measured(nets, runtime_of(runtime), found.threads, 1 if quick else rounds, note)
    taken = others.cores()
    latencies = [min(of_net) for of_net in timings]
    tau = correlate(predicted, latencies).tau_b or 0.0
    middle, most = errors(predicted, latencies)
    rows = [
        ("Kendall's tau-b", f"{tau:.3f}", f"at least {TAU}"),
        ("median error", f"{middle:.1%}", f"at most {MEDIAN:.0%}"),
        ("90th percentile", f"{most:.1%}", f"at most {MOST:.0%}"),
    ]
    held = found.residuals
    busy = "" if taken is None else f"; other programs took {taken:.1f} cores meanwhile"
    caption = (
        f"Profile: {found.nets.number} nets, {found.seconds:.0f} s; held out: median {held.median_error:.1%}, "
        f"90% within {held.error_90:.1%}.\nIn all {time.monotonic() - began:.0f} s{busy}."
    )
    about = f"{found.runtime} {found.version}, batch 1, {found.threads} threads; {found.machine}"
    print_table(f"{len(nets)} random genotypes, {about}", ["figure", ">found", ">target"], rows, caption=caption)
    draw(
        nets, predicted, latencies, f"{about}\ntau {tau:.3f}, median error {middle:.1%}, 90% within {most:.1%}", output
    )
    print(output)
    if not quick and (tau < TAU or middle > MEDIAN or most > MOST):
        raise typer.Exit(1)


def random_nets(found: Profile, layers: tuple[int, int], number: int) -> list[Net]:
    """Returns genotypes with all operations of a profile, in networks of its channels and of two numbers of cells."""
    shared = {"skeleton": found.nets.skeleton, "input_size": found.nets.input_size}
    networks = [
        NetworkConfig.make(channels=channels, layers=length, **shared)
        for channels in found.nets.channels[:2]
        for length in layers
    ]
    rng = random.Random(SEED)
    operations = found.nets.operations
    return [
        (random_genotype(rng, f"random-{net}", operations, config := networks[net % len(networks)]), config)
        for net in range(number)
    ]


def draw(nets: list[Net], predicted: list[float], latencies: list[float], title: str, path: Path) -> None:
    """Draws predicted against measured milliseconds on logarithmic axes, a mark per network."""
    from matplotlib.figure import Figure

    marks = ("o", "s", "^", "D")
    colors = ("#0060a8", "#c48a00", "#009e73", "#8a1c5c")
    with figure_style({"svg.fonttype": "none", "svg.hashsalt": "genocc", "font.size": 9}):
        figure = Figure(figsize=(5.2, 5.2), layout="constrained")
        axes = figure.add_subplot()
        for number, config in enumerate(dict.fromkeys(config for _, config in nets)):
            chosen = [index for index, (_, of) in enumerate(nets) if of == config]
            axes.plot(
                [latencies[index] * 1e3 for index in chosen], [predicted[index] * 1e3 for index in chosen],
                marks[number % len(marks)], color=colors[number % len(colors)], markersize=4, alpha=0.8,
                label=f"C={config.channels}, L={config.layers}",
            )  # fmt: skip
        ends = [min(latencies) * 1e3 * 0.9, max(latencies) * 1e3 * 1.1]
        axes.plot(ends, ends, color="#6e6e6e", linewidth=0.8, zorder=0)
        axes.fill_between(
            ends, [x * (1 - MOST) for x in ends], [x * (1 + MOST) for x in ends], color="#bbbbbb", alpha=0.3,
            label=f"within {MOST:.0%}", zorder=0,
        )  # fmt: skip
        axes.set(xscale="log", yscale="log", xlabel="measured, ms", ylabel="predicted, ms")
        axes.set_aspect("equal")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
        axes.set_title(title, fontsize=8, loc="left")
        metadata = {"Date": None} if path.suffix == SUFFIXES[0] else {}
        write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=150, metadata=metadata))


if __name__ == "__main__":
    typer.run(main)
