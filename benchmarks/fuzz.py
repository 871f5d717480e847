"""A campaign over random genotypes: PyTorch eager = optimized graph = every runtime of the table (genocc runtimes).

    python benchmarks/fuzz.py --count 10000 --seed 1
    python benchmarks/fuzz.py --count 10000 --seed 1 --engine local --out runs/fuzz  # in parts: docs/engines.md

Each case draws a genotype (1 to 6 edges a node, all operations, several on one edge, dead nodes), a small network of
either skeleton (odd sizes among them), weights with random BN statistics, and passes (a target's own, or any subset);
runtimes compute it with these passes and without any.
Prints the number of cases and the worst errors. On a mismatch hypothesis shrinks the case first; the smallest genotype
that still fails is printed with the pass that is to blame, and the exit code is 1. In parts, each draws its cases from
a seed of its own, --seed and those after it; `--resume` goes on with the parts that are missing.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))  # tests are no installed package

import hypothesis
import numpy as np
import torch
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator

from genocc import Genotype, NetworkConfig, lower
from genocc.engines.base import Engine, Job, choose, parse_settings
from genocc.errors import GenoccError, InternalError
from genocc.exporters.onnx import OnnxExporter, check
from genocc.exporters.pt2 import Pt2Exporter
from genocc.files import read_text, write_atomically
from genocc.nn.graph_module import graph_module
from genocc.nn.target_net import TargetNet
from genocc.passes import PASSES, Parameters, run_passes, select
from genocc.passes.bisect import bisect
from genocc.runtimes.nets import NetFile
from genocc.runtimes.onnx_files import OnnxFile
from genocc.runtimes.table import runtimes
from genocc.targets import CompiledNet
from tests.reference import evaluate, random_image, random_parameters
from tests.strategies import genotypes, networks

PLAIN = ", no passes"
"""Behind the name of a runtime: what it makes of the graph before any pass."""

TOLERANCES = {"eager": 1e-4, "optimized": 1e-4, "onnx reference, float64": 1e-10} | {
    f"{name}{which}": 1e-4
    for name, one in runtimes().items()
    if name not in ("eager", "reference") and one.lacks() is None
    for which in ("", PLAIN)
}
"""Largest difference from an independent evaluation in float64, relative to the largest logit."""

INTERPRETED = 5
"""One case in this many goes through the reference evaluator, in float64."""

COMPILED = 100
"""One case in this many goes through each other slow runtime: TorchInductor compiles for seconds."""


PART = 250
"""Cases of a part of a campaign."""

TALLY = "tally.json"
"""What a part has found, in its folder."""


@dataclass(frozen=True)
class Case:
    """What one round compares; its ``repr`` is what a mismatch prints."""

    genotype: Genotype
    config: NetworkConfig
    passes: tuple[str, ...]
    seed: int


@dataclass
class Tally:
    """What a campaign found; ``mismatch`` describes its smallest case."""

    cases: int = 0
    mismatch: str = ""
    worst: dict[str, float] = field(default_factory=lambda: dict.fromkeys(TOLERANCES, 0.0))
    runs: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TOLERANCES, 0))


class MismatchError(Exception):
    """A case of which one evaluation differs."""

    def __init__(self, case: Case, message: str) -> None:
        super().__init__(message)
        self.case = case


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Random cases."""
    own = st.sampled_from([OnnxExporter.passes, Pt2Exporter.passes, tuple(PASSES)])
    some = st.sets(st.sampled_from(list(PASSES))).map(lambda names: tuple(name for name in PASSES if name in names))
    return Case(draw(genotypes()), draw(networks()), draw(own | some), draw(st.integers(0, 2**32 - 1)))


def errors(case: Case) -> Iterator[tuple[str, float]]:
    """Yields the error of each way to compute the logits."""
    graph = lower(case.genotype, case.config)
    arrays, image = random_parameters(graph, case.seed), random_image(graph, batch=2, seed=case.seed)
    expected = evaluate(graph, arrays, image)["logits"]

    def error(found: Any) -> float:
        difference = float(np.abs(np.asarray(found, np.float64) - expected).max() / np.abs(expected).max())
        return difference if np.isfinite(difference) else np.inf

    single = {name: array.astype(np.float32) for name, array in arrays.items()}
    x = torch.from_numpy(image).float()
    optimized, parameters = run_passes(graph, Parameters.of(single), select(case.passes, PASSES))
    with torch.inference_mode():
        yield "eager", error(TargetNet(case.genotype, case.config, weights=single).eval()(x))
        yield "optimized", error(graph_module(optimized, parameters).eval()(x))
    for which, compiled, its in (("", optimized, parameters), (PLAIN, graph, Parameters.of(single))):
        model = OnnxExporter().model(_net(case, compiled, its))
        check(model)
        files = {
            ".onnx": OnnxFile("model", model.SerializeToString()),
            ".safetensors": NetFile("net", compiled, its, {}),
        }
        for name, runtime in runtimes().items():
            file = next((files[suffix] for suffix in runtime.reads if suffix in files), None)
            known = name != "eager" and name + which in TOLERANCES
            if known and file and (not runtime.slow or case.seed % COMPILED == 1):
                yield name + which, error(runtime.load(file, threads=1).infer(x.numpy()))
    if case.seed % INTERPRETED == 0:
        optimized, parameters = run_passes(graph, Parameters.of(arrays), select(case.passes, PASSES))
        double = OnnxExporter().model(_net(case, optimized, parameters))
        yield "onnx reference, float64", error(ReferenceEvaluator(double).run(None, {"image": image})[0])


def _net(case: Case, graph: Any, parameters: Parameters) -> CompiledNet:
    return CompiledNet(case.genotype, case.config, graph, parameters, case.passes, True, 0, graph, parameters)


def campaign(count: int, seed: int) -> tuple[Tally, MismatchError | None]:
    """Runs cases until one fails; returns what was found, and the smallest failing case."""
    tally = Tally()
    failed = False

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate, hypothesis.Phase.shrink],
        report_multiple_bugs=False,
        verbosity=hypothesis.Verbosity.quiet,
    )
    @hypothesis.given(cases())
    def run(case: Case) -> None:
        nonlocal failed
        tally.cases += not failed
        try:
            for what, error in errors(case):
                if not failed:
                    tally.runs[what] += 1
                    tally.worst[what] = max(tally.worst[what], error)
                if not error <= TOLERANCES[what]:
                    raise MismatchError(case, f"{what}: differs by {error:.1e}, more than {TOLERANCES[what]:.0e}")
        except MismatchError:
            failed = True
            raise
        except Exception as error:
            failed = True
            raise MismatchError(case, f"{type(error).__name__}: {error}") from error
        if not failed and tally.cases % 100 == 0:
            print(f"{tally.cases} cases", file=sys.stderr, flush=True)

    try:
        run()
    except MismatchError as mismatch:
        return tally, mismatch
    return tally, None


def culprit(case: Case) -> str:
    """Returns the pass that is to blame for a mismatch, or what is if no pass is."""
    graph = lower(case.genotype, case.config)
    arrays, image = random_parameters(graph, case.seed), random_image(graph, batch=2, seed=case.seed)
    try:
        found = bisect(
            graph, Parameters.of(arrays), select(case.passes, PASSES), lambda g, p: evaluate(g, p, image)["logits"]
        )
    except InternalError as error:
        return str(error)
    return found.culprit or "no pass; the target named above"


def described(mismatch: MismatchError) -> str:
    """Returns a mismatch with what is to blame and all that is needed to repeat it."""
    case = mismatch.case
    return (
        f"MISMATCH, smallest case: {mismatch}\nculprit: {culprit(case)}\n{case.genotype.dumps()}{case.config}\n"
        f"seed {case.seed}, passes {', '.join(case.passes)}"
    )


def part(count: int, seed: int, out: Path | None) -> Tally:
    """Runs a campaign in this process, and keeps what it found; one that is there already is only read."""
    path = None if out is None else out / TALLY
    if path and path.exists():
        return Tally(**json.loads(read_text(path, limit=1 << 20)))
    tally, mismatch = campaign(count, seed)
    if mismatch is not None:
        tally.mismatch = described(mismatch)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(asdict(tally), indent=1) + "\n")
    return tally


def in_parts(engine: Engine, count: int, seed: int, out: Path) -> Tally:
    """Runs a campaign as jobs of an engine; raises GenoccError where a part has no result."""
    sizes = [min(PART, count - start) for start in range(0, count, PART)]
    jobs = []
    for number, size in enumerate(sizes):
        folder = out / f"seed-{seed + number}"
        line = ("--count", str(size), "--seed", str(seed + number), "--out", str(folder))
        if not (folder / TALLY).exists():
            jobs.append(Job(folder.name, line, folder, Path(__file__)))
    with closing(engine.run(jobs)) as outcomes:
        for done, outcome in enumerate(outcomes, start=1):
            said = "done" if outcome.code in (0, 1) else outcome.message
            print(
                f"{done}/{len(jobs)}  {outcome.job.name}  {said}, {outcome.seconds:.0f} s", file=sys.stderr, flush=True
            )
    missing = [
        folder for number in range(len(sizes)) if not ((folder := out / f"seed-{seed + number}") / TALLY).exists()
    ]
    if missing:
        raise GenoccError(
            f"{len(missing)} of {len(sizes)} parts have no result, {missing[0]} first; go on with --resume"
        )
    return summed(part(0, 0, out / f"seed-{seed + number}") for number in range(len(sizes)))


def summed(parts: Iterable[Tally]) -> Tally:
    """Returns what several campaigns found, with the first mismatch."""
    total = Tally()
    for one in parts:
        total.cases += one.cases
        total.mismatch = total.mismatch or one.mismatch
        for what in total.worst:
            total.worst[what] = max(total.worst[what], one.worst[what])
            total.runs[what] += one.runs[what]
    return total


def main() -> None:
    """Runs the campaign that the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=1000, help="number of cases")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder for what is found")
    parser.add_argument("--resume", action="store_true", help="go on with what is in --out")
    parser.add_argument("--engine", help="what runs parts of the campaign, see `genocc engines`")
    parser.add_argument("--jobs", type=int, help="parts at a time")
    parser.add_argument("--engine-set", action="append", default=[], metavar="ENGINE.SETTING=VALUE")
    options = parser.parse_args()
    torch.set_num_threads(1)
    start = time.monotonic()
    if options.engine or options.jobs:
        if options.out is None:
            parser.error("--engine needs --out: the folder of the parts")
        if options.out.exists() and not options.resume:
            parser.error(f"{options.out}: exists; go on with --resume, or choose another --out")
        engine = choose(options.engine or "local", jobs=options.jobs, settings=parse_settings(options.engine_set))
        tally = in_parts(engine, options.count, options.seed, options.out)
    else:
        tally = part(options.count, options.seed, options.out)
    print(f"{tally.cases} cases, seed {options.seed}, {time.monotonic() - start:.0f} s")
    for what, worst in tally.worst.items():
        print(f"  {what:26} {tally.runs[what]:6} runs   worst relative error {worst:.1e}")
    print(tally.mismatch or "0 mismatches")
    sys.exit(1 if tally.mismatch else 0)


if __name__ == "__main__":
    try:
        main()
    except GenoccError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
