"""What engines cost: jobs of a command that does nothing, next to xargs, and how long each engine takes to start.

    python benchmarks/engines.py --jobs 100 --at-a-time 2 --rounds 3 -o engines.json

The command is ``genocc --version``. In each round, `xargs -P` and the engine ``local`` take turns; the medians count.
CPU seconds, of this program and of all jobs, are disturbed least by whatever else the machine does. An engine's start
is the time from `Engine.run` to the end of one such job, less the time of the command alone.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Annotated

import typer
from running import run

from genocc.engines.base import Engine, Job, choose, engine_names, engine_type
from genocc.errors import EngineError
from genocc.files import write_atomically
from genocc.threads import OtherPrograms

COMMAND = [sys.executable, "-P", "-m", "genocc", "--version"]
SETTINGS = {"slurm": {"slurm.cluster": "local"}}
"""To start an engine on this machine."""


def main(
    jobs: Annotated[int, typer.Option(help="Number of jobs.")] = 100,
    at_a_time: Annotated[int, typer.Option(help="How many run at a time.")] = 2,
    rounds: Annotated[int, typer.Option(help="How often xargs and the engine take turns.")] = 3,
    starts: Annotated[bool, typer.Option(help="Time the start of every engine too.")] = True,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the figures as JSON.")] = None,
) -> None:
    """Times engines."""
    others = OtherPrograms()
    times: dict[str, list[float]] = {"xargs": [], "local": []}
    cpu: dict[str, list[float]] = {"xargs": [], "local": []}
    for _ in range(rounds):
        for name in times:
            before = cpu_seconds()
            engine = choose("local", jobs=at_a_time)
            times[name].append(with_xargs(jobs, at_a_time) if name == "xargs" else seconds(engine, jobs))
            cpu[name].append(cpu_seconds() - before)
    found = {name: median(values) for name, values in times.items()}
    spent = {name: median(values) for name, values in cpu.items()}
    print(f"{jobs} jobs, {at_a_time} at a time, medians of {rounds}: genocc --version")
    for name, value in found.items():
        every = ", ".join(f"{one:.1f}" for one in times[name])
        print(f"  {name:8} {value:7.2f} s   {spent[name]:7.2f} s of CPU   ({every})")
    print(f"  local / xargs: {found['local'] / found['xargs']:.2f}, CPU {spent['local'] / spent['xargs']:.2f}")
    began = started(rounds) if starts else {}
    for name, value in began.items():
        print(f"  start of {name:6} {value if isinstance(value, str) else f'{value:.2f} s'}")
    busy = others.cores()
    print("  other programs took " + ("-" if busy is None else f"{busy:.1f}") + " cores, our jobs included")
    if output:
        record = {"jobs": jobs, "at_a_time": at_a_time, "seconds": times, "cpu": cpu, "start": began, "cores": busy}
        write_atomically(output, json.dumps(record, indent=1) + "\n")


def cpu_seconds() -> float:
    """Returns the CPU time so far, of this program and of all that it has waited for."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def with_xargs(jobs: int, at_a_time: int) -> float:
    """Returns the seconds that xargs takes."""
    start = time.perf_counter()
    numbers = "\n".join(map(str, range(jobs)))
    line = ["xargs", "-P", str(at_a_time), "-I{}", *COMMAND]
    subprocess.run(line, input=numbers, stdout=subprocess.DEVNULL, text=True, check=True)
    return time.perf_counter() - start


def seconds(engine: Engine, jobs: int) -> float:
    """Returns the seconds that an engine takes; raises EngineError where a job fails."""
    with tempfile.TemporaryDirectory() as folder:
        made = [Job(str(number), ("--version",), Path(folder, str(number))) for number in range(jobs)]
        start = time.perf_counter()
        with closing(engine.run(made)) as outcomes:
            for outcome in outcomes:
                if not outcome.ok:
                    raise EngineError(f"job {outcome.job.name}: {outcome.message}")
        return time.perf_counter() - start


def started(rounds: int) -> dict[str, float | str]:
    """Returns engine -> seconds of its start, or why it is not available."""
    found: dict[str, float | str] = {}
    for name in engine_names():
        if reason := engine_type(name).lacks():
            found[name] = reason
            continue
        engine = choose(name, jobs=1, settings=SETTINGS.get(name))
        alone = median(with_xargs(1, 1) for _ in range(rounds))
        found[name] = median(seconds(engine, 1) for _ in range(rounds)) - alone
    return found


if __name__ == "__main__":
    run(main)
