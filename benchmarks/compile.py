"""How fast compiled nets are, next to what one has without genocc: all backends side by side, in one run, as ratios.

    python benchmarks/compile.py                    # the table of docs/benchmarks.md (about 15 minutes on 2 cores)
    python benchmarks/compile.py --torch-compile    # with torch.compile, which compiles for a minute a net
    python benchmarks/compile.py --passes           # each pass of the ONNX target alone, and the default without it
    python benchmarks/compile.py --quick            # one small net, to see that it runs

Medians of interleaved rounds on one machine; treat 5% as a tie.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Annotated

import typer

import genocc
from genocc import NetworkConfig
from genocc.cli.console import print_table
from genocc.exporters.bench.backends import BACKENDS, all_backends, onnx_file
from genocc.exporters.bench.benchmark import Benchmark, benchmark
from genocc.exporters.onnx import OnnxExporter
from genocc.passes import COUNTED, PASSES
from genocc.runtimes.table import runtimes


@dataclass(frozen=True)
class Case:
    """One net and the batch sizes at which it is timed."""

    genotype: str
    skeleton: str
    batches: tuple[int, ...]
    fields: tuple[tuple[str, int], ...] = ()

    @property
    def config(self) -> NetworkConfig:
        return NetworkConfig.make(skeleton=self.skeleton, **dict(self.fields))


CASES = (
    Case("darts-v2", "cifar", (1, 16)),
    Case("pc-darts-cifar", "cifar", (1, 16)),
    Case("pdarts", "cifar", (1, 16)),
    Case("nasnet", "cifar", (1, 16)),
    Case("darts-v2", "imagenet", (1,)),
    Case("pc-darts-image", "imagenet", (1,)),
)
QUICK = (Case("darts-v2", "cifar", (1, 4), (("channels", 8), ("layers", 5))),)


def main(
    torch_compile: Annotated[bool, typer.Option(help="Time torch.compile too.")] = False,
    passes: Annotated[bool, typer.Option(help="Time each pass of the ONNX target alone instead.")] = False,
    quick: Annotated[bool, typer.Option(help="One small net.")] = False,
    only: Annotated[list[str] | None, typer.Option(help="These genotypes only; repeatable.")] = None,
    rounds: Annotated[int, typer.Option(help="How often the backends take turns.")] = 7,
    threads: Annotated[int | None, typer.Option(help="Threads [one per core].")] = None,
) -> None:
    """Prints the tables."""
    cases = [case for case in (QUICK if quick else CASES) if not only or case.genotype in only]
    table = runtimes()
    backends = [
        name
        for name, one in all_backends().items()
        if (name == "torch-compile" and torch_compile)
        or not (table[one.runtime].slow or table[one.runtime].lacks() or one.lacks())
    ]
    if passes:
        backends = ["traced", "genocc-onnx-plain", *_passes_alone(), "genocc-onnx"]
    results: list[tuple[Case, Benchmark]] = []
    for case in cases:
        genotype = genocc.load(f"zoo:{case.genotype}")
        found = benchmark(
            genotype, case.config, backends=backends, batches=case.batches, rounds=rounds, threads=threads
        )
        results.append((case, found))
        _print_case(case, found)
    _print_means(results, backends)
    if not passes:
        _print_files(results)
        _print_command()


def _passes_alone() -> list[str]:
    """Registers a backend per pass after those that every file needs, and per pass that the default is without."""
    base = (*COUNTED, "fold-batch-norm")
    default = OnnxExporter.passes
    files = {"= folded": base}
    files |= {f"+ {name}": (*base, name) for name in PASSES if name not in base}
    files |= {f"- {name}": tuple(p for p in default if p != name) for name in default if name not in base}
    for name, passes in files.items():
        BACKENDS[name] = onnx_file(name, f"the ONNX file with {', '.join(passes)}", passes)
    return list(files)


def _print_case(case: Case, found: Benchmark) -> None:
    latency = {(t.backend, t.batch): t.latency for t in found.timings}
    columns = ["backend", *(c for n in case.batches for c in (f">batch {n}, ms", ">x eager", ">x traced"))]
    rows = []
    for backend in found.backends:
        row: list[object] = [backend.name]
        for n in case.batches:
            own, eager, traced = (latency.get((name, n)) for name in (backend.name, "eager", "traced"))
            assert own is not None
            row += [f"{own * 1e3:.2f}", _ratio(eager, own), _ratio(traced, own)]
        rows.append(row)
    config = case.config
    title = (
        f"{case.genotype}, {case.skeleton} {config.channels}x{config.layers}; {found.machine}, {found.threads} threads"
    )
    print_table(title, columns, rows, caption=", ".join(f"{k} {v}" for k, v in found.versions.items()))


def _print_means(results: list[tuple[Case, Benchmark]], backends: list[str]) -> None:
    batches = sorted({n for case, _ in results for n in case.batches})
    columns = ["backend", *(c for n in batches for c in (f">batch {n}: x eager", ">x traced", ">worst x traced"))]
    rows = []
    for backend in backends:
        row: list[object] = [backend]
        for n in batches:
            ratios: dict[str, list[float]] = {"eager": [], "traced": []}
            for _, found in results:
                latency = {t.backend: t.latency for t in found.timings if t.batch == n}
                for name in ratios:
                    if backend in latency and name in latency:
                        ratios[name].append(latency[name] / latency[backend])
            row += [_mean(ratios["eager"]), _mean(ratios["traced"])]
            row.append(f"{min(ratios['traced']):.2f}" if ratios["traced"] else None)
        rows.append(row)
    print_table("geometric means over the nets", columns, rows)


def _print_files(results: list[tuple[Case, Benchmark]]) -> None:
    rows = []
    for case, found in results:
        made = {backend.name: backend for backend in found.backends}
        traced, ours, plain = made["traced"], made["genocc-onnx"], made["genocc-onnx-plain"]
        count = genocc.count(genocc.load(f"zoo:{case.genotype}"), case.config)
        rows.append(
            (
                f"{case.genotype}, {case.skeleton}",
                f"{_ratio(plain.file_bytes, 4 * count.total.parameters)}",
                f"{_ratio(ours.file_bytes, 4 * count.total.parameters)}",
                traced.nodes,
                ours.nodes,
                f"{traced.prepare_seconds:.1f} s",
                f"{ours.prepare_seconds:.2f} s",
                _ratio(traced.prepare_seconds, ours.prepare_seconds),
            )
        )
    columns = [
        "net", ">file / parameters, no passes", ">default", ">nodes, traced", ">ours", ">export, traced", ">ours",
        ">x faster",
    ]  # fmt: skip
    print_table("files: from the net's weights to a checked ONNX file, in process", columns, rows)


def _print_command() -> None:
    with tempfile.TemporaryDirectory() as folder:
        seconds = []
        for number in range(5):
            command = [sys.executable, "-m", "genocc", "compile", "zoo:darts-v2", "--to", "onnx", "--no-verify"]
            start = time.perf_counter()
            target = Path(folder) / f"{number}.onnx"
            subprocess.run([*command, "-o", str(target)], check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - start)
    print(f"`genocc compile zoo:darts-v2 --to onnx --no-verify`, start-up included: median {sorted(seconds)[2]:.2f} s")


def _ratio(reference: float | None, own: float | None) -> str | None:
    return f"{reference / own:.2f}" if reference and own else None


def _mean(ratios: Iterable[float]) -> str | None:
    values = list(ratios)
    return f"{prod(values) ** (1 / len(values)):.2f}" if values else None


if __name__ == "__main__":
    typer.run(main)
