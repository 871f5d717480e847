"""``genocc bench``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from genocc.cli.console import note, print_json, print_table, refuse_mixing
from genocc.cli.options import GenotypeArgument, JsonOption, network_options
from genocc.network import NetworkConfig
from genocc.runs.outputs import refuse_overwriting


@network_options
def bench(
    source: GenotypeArgument,
    network: NetworkConfig,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Draw a bar chart (svg, pdf or png).")
    ] = None,
    batch: Annotated[
        list[int] | None, typer.Option("--batch", metavar="N", help="Batch size; repeatable [1, 16].")
    ] = None,
    backend: Annotated[
        list[str] | None,
        typer.Option("--backend", metavar="NAME", help="What to time; repeatable \\[all that are not slow]."),
    ] = None,
    runtime: Annotated[
        list[str] | None,
        typer.Option("--runtime", metavar="NAME|all", help="Time all backends of a runtime instead; repeatable."),
    ] = None,
    rounds: Annotated[int, typer.Option("--rounds", metavar="N", help="How often the backends take turns.")] = 7,
    threads: Annotated[int | None, typer.Option("--threads", metavar="N", help="Threads \\[one per core].")] = None,
    provider: Annotated[str, typer.Option("--provider", metavar="cpu|cuda", help="Where to run.")] = "cpu",
    weights: Annotated[Path | None, typer.Option("--weights", metavar="FILE", help="A safetensors file.")] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="DATA",
            help="Calibrate int8 on its images, and print each row's accuracy \\[a training run's own].",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Time a genotype's net on every backend, next to the traced ONNX file.

    Without --data int8 files are calibrated on noise, which is enough for their speed.
    """
    from genocc.exporters.bench.benchmark import benchmark
    from genocc.exporters.bench.charts import check_suffix, draw_benchmark

    genotype = source.genotype
    if output:
        check_suffix(output)
    refuse_mixing(output)
    refuse_overwriting(output, source.where, weights)
    if source.provenance is not None:
        weights, data = weights or source.weights, data or source.where
    result = benchmark(
        genotype, network, backends=backend, runtimes=runtime or (), batches=batch or (1, 16), rounds=rounds,
        threads=threads, provider=provider, weights=weights, data=data, note=note,
    )  # fmt: skip
    if output:
        draw_benchmark(result, output)
    if json:
        print_json(result.to_dict())
        return
    height, width = network.input_size
    versions = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    title = (
        f"{genotype.name}: {network.skeleton}, C={network.channels}, L={network.layers}, {height}x{width}; "
        f"{result.machine}, {result.threads} threads, {provider}"
    )
    timings = {(t.backend, t.batch): t for t in result.timings}
    batches = list(dict.fromkeys(t.batch for t in result.timings))
    columns = ["backend", ">to prepare", ">nodes", ">file", ">parameters"]
    columns += [column for n in batches for column in (f">batch {n}", ">images/s", ">x traced")]
    columns += [">top-1", ">agreement"] if result.data else []
    rows = []
    for one in result.backends:
        row: list[object] = [one.name, f"{one.prepare_seconds:.2f} s", one.nodes, _size(one.file_bytes), one.parameters]
        for n in batches:
            timing = timings[one.name, n]
            speedup = f"{timing.speedup:.2f}" if timing.speedup else None
            row += [f"{timing.latency * 1e3:.2f} ms", f"{timing.throughput:,.0f}", speedup]
        if found := result.accuracies.get(one.name):
            row += [f"{found.top1:.2%}", f"{found.agreement:.2%}"]
        rows.append(row)
    about = "\n".join(f"{one.name}: {one.about}" for one in result.backends)
    taken = result.other_programs
    meanwhile = "" if taken is None else f", and other programs took {taken:.1f} cores"
    waiting = f"Threads waited as {result.waiting or 'by default, spinning'}{meanwhile}."
    if result.data:
        waiting += f" Accuracies on {result.images:,} test images of {result.data}; agreement with eager float32."
    print_table(title, columns, rows, caption=f"Medians; {versions}.\n{waiting}\n{about}")


def _size(size: int | None) -> str | None:
    return f"{size / 2**20:.2f} MiB" if size else None
