"""Exports every cell of NAS-Bench-201 to ONNX, in the skeleton of the benchmark, with a table of counts.

    python benchmarks/nas_bench_201.py all --jobs 2       # 15,625 files, 22 GB
    python benchmarks/nas_bench_201.py some --every 104   # 151 of them, to see how long it takes
    python benchmarks/nas_bench_201.py all --jobs 2       # again: goes on where it was stopped

A file appears when it is whole and ONNX's checker has passed it; `genocc verify` compares any of them with PyTorch.
``counts.csv`` appears at the end. Weights are untrained, of seed 0.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from genocc import NetworkConfig, formats
from genocc.compiler import compile
from genocc.counting import activation_peak, cost
from genocc.files import write_atomically
from genocc.lowering import lower

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""In the order of the benchmark's program; our number of a cell is not the benchmark's, which drew its order."""
SOURCES = ((0,), (0, 1), (0, 1, 2))
CONFIG = NetworkConfig.make(skeleton="nas-bench-201")
TABLE = "counts.csv"


def architectures() -> Iterator[str]:
    """Yields the architecture string of every cell, by the operations of its six edges."""
    for chosen in product(OPERATIONS, repeat=sum(map(len, SOURCES))):
        rest = iter(chosen)
        yield "+".join("|" + "|".join(f"{next(rest)}~{source}" for source in sources) + "|" for sources in SOURCES)


def export(folder: Path, task: tuple[int, str]) -> dict[str, Any]:
    """Writes a cell's file, unless it is there, and returns its row of the table."""
    number, architecture = task
    name, began = f"nas-bench-201-{number:05}", time.process_time()
    genotype = formats.read(architecture, "nas-bench-201", where=name).genotype.model_copy(update={"name": name})
    path = folder / f"{number:05}.onnx"
    if not path.exists():
        compile(genotype, CONFIG, to="onnx", output=path, verify=False)
    graph = lower(genotype, CONFIG)
    total = cost(graph.nodes.values())
    return {
        "number": number,
        "architecture": architecture,
        "hash": genotype.hash,
        "parameters": total.parameters,
        "macs": total.macs,
        "activation_peak_bytes": activation_peak(graph),
        "onnx_bytes": path.stat().st_size,
        "seconds": round(time.process_time() - began, 3),
    }


def main() -> None:
    """Exports the cells that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    parser.add_argument("--every", type=int, default=1, help="every N-th cell only")
    arguments = parser.parse_args()
    if arguments.jobs < 1 or arguments.every < 1:
        parser.error("--jobs and --every: expected 1 or more")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    tasks = list(enumerate(architectures()))[:: arguments.every]
    began = time.monotonic()
    with ProcessPoolExecutor(arguments.jobs) as pool:
        rows = list(pool.map(partial(export, arguments.folder), tasks, chunksize=8))
    seconds = time.monotonic() - began
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(arguments.folder / TABLE, text.getvalue())
    work, size = sum(row["seconds"] for row in rows), sum(row["onnx_bytes"] for row in rows)
    print(
        f"{arguments.folder}: {len(rows):,} cells, {size / 2**30:.2f} GiB, {TABLE}; {seconds:.0f} s with "
        f"{arguments.jobs} processes, {work / len(rows):.2f} s of CPU per cell"
    )


if __name__ == "__main__":
    main()
