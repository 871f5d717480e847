"""Exports every cell of NAS-Bench-201 to ONNX, in the skeleton of the benchmark, with a table of counts.

    python benchmarks/nas_bench_201.py all --jobs 2       # 15,625 files, 22 GB
    python benchmarks/nas_bench_201.py some --every 104   # 151 of them, to see how long it takes
    python benchmarks/nas_bench_201.py all --jobs 2       # again: goes on where it was stopped
    python benchmarks/nas_bench_201.py all --engine slurm --jobs 20

An engine (docs/engines.md) runs jobs of a few hundred cells each, since a process takes longer to start than a cell to
compile. A file appears when it is whole and ONNX's checker has passed it; `genocc verify` compares any of them with
PyTorch. ``counts.csv`` appears at the end. Weights are untrained, of seed 0.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any

from genocc import NetworkConfig, formats
from genocc.compiler import compile
from genocc.counting import activation_peak, cost
from genocc.engines.base import Engine, Job, Outcome, choose, parse_settings
from genocc.errors import GenoccError
from genocc.files import read_text, write_atomically
from genocc.lowering import lower
from genocc.runs.interruption import interruptions

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""In the order of the benchmark's program; our number of a cell is not the benchmark's, which drew its order."""
SOURCES = ((0,), (0, 1), (0, 1, 2))
CONFIG = NetworkConfig.make(skeleton="nas-bench-201")
TABLE = "counts.csv"
PARTS = "parts"
"""Folder of the tables of parts and of the logs of their jobs."""
PART = 625
"""Cells of a job: about 20 s of computing after half a second of starting."""

Row = Mapping[str, Any]


def architectures() -> Iterator[str]:
    """Yields the architecture string of every cell, by the operations of its six edges."""
    for chosen in product(OPERATIONS, repeat=sum(map(len, SOURCES))):
        rest = iter(chosen)
        yield "+".join("|" + "|".join(f"{next(rest)}~{source}" for source in sources) + "|" for sources in SOURCES)


def export(folder: Path, number: int, architecture: str) -> Row:
    """Writes a cell's file, unless it is there, and returns its row of the table."""
    name, began = f"nas-bench-201-{number:05}", time.process_time()
    genotype = formats.read(architecture, "nas-bench-201", where=name).genotype.model_copy(update={"name": name})
    path = file_of(folder, number)
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


def file_of(folder: Path, number: int) -> Path:
    """Returns the path of a cell's file."""
    return folder / f"{number:05}.onnx"


def export_part(folder: Path, numbers: Sequence[int], out: Path) -> None:
    """Writes the files of some cells, and then their table."""
    named = dict(enumerate(architectures()))
    rows = [export(folder, number, named[number]) for number in numbers]
    out.mkdir(parents=True, exist_ok=True)
    write_table(out / TABLE, rows)


def export_all(folder: Path, engine: Engine, every: int, size: int) -> list[Row]:
    """Writes the files of every N-th cell as jobs of an engine, and then their table, which it returns.

    Args:
        folder: For all of it; what is there already is kept.
        engine: What runs the jobs.
        every: N.
        size: Cells of a job.

    Raises:
        GenoccError: A job has failed, after the others have ended.
    """
    numbers = range(0, len(OPERATIONS) ** sum(map(len, SOURCES)), every)
    parts = [numbers[start : start + size] for start in range(0, len(numbers), size)]
    outs = [folder / PARTS / f"{part[0]:05}-{part[-1]:05}" for part in parts]
    missing = [(part, out) for part, out in zip(parts, outs, strict=True) if not is_done(folder, part, out)]
    failed: list[Outcome] = []
    with closing(engine.run([job_of(folder, part, out) for part, out in missing])) as outcomes:
        for count, outcome in enumerate(outcomes, start=len(parts) - len(missing) + 1):
            said = "done" if outcome.ok else outcome.message
            print(f"{count}/{len(parts)}  cells {outcome.job.name}  {said}, {outcome.seconds:.0f} s", file=sys.stderr)
            if not outcome.ok:
                failed.append(outcome)
    if failed:
        raise GenoccError(
            f"{folder}: {len(failed)} of {len(parts)} jobs failed: {failed[0].job.name}: {failed[0].message}; the same "
            "command goes on"
        )
    rows = [row for out in outs for row in read_table(out / TABLE)]
    write_table(folder / TABLE, rows)
    return rows


def job_of(folder: Path, part: range, out: Path) -> Job:
    """Returns the job that exports a part."""
    cells = f"{part.start}:{part.stop}:{part.step}"
    line = (str(folder), "--cells", cells, "--out", str(out), "--device", "cpu")
    return Job(out.name, line, out, Path(__file__))


def is_done(folder: Path, numbers: Iterable[int], out: Path) -> bool:
    """Whether the table of a part is there, and all files that it should list."""
    if not (out / TABLE).exists():
        return False
    listed = {int(row["number"]) for row in read_table(out / TABLE)}
    return listed == set(numbers) and all(file_of(folder, number).exists() for number in listed)


def read_table(path: Path) -> list[Row]:
    """Reads a table; its cells are texts."""
    return list(csv.DictReader(io.StringIO(read_text(path, limit=1 << 24))))


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Writes a table."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, text.getvalue())


def main() -> None:
    """Exports the cells that the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=1, help="every N-th cell only")
    parser.add_argument("--part", type=int, default=PART, help="cells of a job [%(default)s]")
    parser.add_argument("--engine", default="local", help="what runs the jobs, see `genocc engines` [%(default)s]")
    parser.add_argument("--jobs", type=int, help="jobs at a time")
    parser.add_argument("--engine-set", action="append", default=[], metavar="ENGINE.SETTING=VALUE")
    parser.add_argument("--cells", metavar="START:STOP:STEP", help="a job's: these cells, in this process")
    parser.add_argument("--out", type=Path, help="a job's: folder of its table")
    parser.add_argument("--resume", action="store_true", help="what is done is kept, with or without this")
    parser.add_argument("--device", choices=["cpu"], help="a job's: it needs no GPU")
    arguments = parser.parse_args()
    if arguments.every < 1 or arguments.part < 1:
        parser.error("--every and --part: expected 1 or more")
    if arguments.cells:
        export_part(arguments.folder, range(*map(int, arguments.cells.split(":"))), arguments.out)
        return
    engine = choose(arguments.engine, jobs=arguments.jobs, settings=parse_settings(arguments.engine_set))
    began = time.monotonic()
    rows = export_all(arguments.folder, engine, arguments.every, arguments.part)
    work, size = (sum(float(row[column]) for row in rows) for column in ("seconds", "onnx_bytes"))
    print(
        f"{arguments.folder}: {len(rows):,} cells, {size / 2**30:.2f} GiB, {TABLE}; {time.monotonic() - began:.0f} s "
        f"with engine {engine.name}, {work / len(rows):.2f} s of CPU per cell"
    )


if __name__ == "__main__":
    try:
        with interruptions():
            main()
    except GenoccError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
        sys.exit(130)
